# What the two commands of README need from Debian 12, and the parts they share. Sourced by bash,
# with $root set to the repository.

build_packages="gcc libc6-dev meson ninja-build pkgconf libcmocka-dev libcurl4-openssl-dev
  libjansson-dev libpq-dev libssl-dev libyaml-dev"
lab_packages="openssl pgbouncer python3 python3-botocore util-linux"
test_packages="clang clang-format clang-tidy git libc6-dbg libclang-rt-14-dev python3-boto3
  python3-jsonschema python3-yaml postgresql-server-dev-15 valgrind"
image_packages="buildah debootstrap runc"
cdk_packages="nodejs npm"

# Debian's own tools, whatever else is on PATH, and no flags of somebody's shell.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset CC CFLAGS CPPFLAGS LDFLAGS

# installed PACKAGE
installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_missing PACKAGE...: installs those that are not there, and PostgreSQL's server when no
# version of it is.
install_missing() {
  local missing=() name
  for name in "$@"; do
    installed "$name" || missing+=("$name")
  done
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing from Debian's mirror: ${missing[*]}" | fold -s -w 78
  if [ "$(id -u)" = 0 ]; then
    "$root/tests/lab/install" "${missing[@]}"
  elif command -v sudo >/dev/null; then
    sudo "$root/tests/lab/install" "${missing[@]}"
  else
    echo "This needs root: run it as root, or install sudo." >&2
    return 1
  fi
}

# build FOLDER [MESON-OPTION...]: configures FOLDER of the repository once, then builds. One at a
# time; output only when it fails.
build() {
  local folder=$root/$1 log
  shift
  log=$(mktemp)
  {
    flock 8
    {
      { [ -f "$folder/build.ninja" ] || meson setup "$@" "$folder" "$root"; } &&
        ninja -C "$folder"
    } >"$log" 2>&1
  } 8<"$root/meson.build"
  local code=$?
  if [ $code != 0 ]; then
    # ninja goes on with what it had begun: what matters stands below FAILED.
    { grep -A 60 -m 1 '^FAILED:' "$log" || tail -n 60 "$log"; } >&2
  fi
  rm -f "$log"
  return $code
}
