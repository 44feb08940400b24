/** What the build's shell is to run. */
export interface BuildRun {
  /** The variables that the plan reads. */
  readonly variables: string[];
  /** A registry of ECR that wants a login. */
  readonly registry?: { readonly uri: string; readonly region: string };
  readonly seconds: number;
  readonly readOnly: boolean;
}

/** The variable of the build that holds the image's name. */
export const IMAGE = 'POSTLUDE_IMAGE';

/** The variable of the build that holds the execution's id; there is none of CodeBuild's own. */
export const EXECUTION = 'PIPELINE_EXECUTION_ID';

/** Handed on beside the plan's: region and credentials of the build, who started what, and a topic, if only as an empty name. */
const HANDED_ON = [
  'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'POSTLUDE_LOG', 'POSTLUDE_BY', 'POSTLUDE_REASON', 'POSTLUDE_RERUN', 'PIPELINE_NAME', 'SNS_TOPIC_ARN',
];

/** What the build says where postlude ends with 8, which is no failure of the migrations. */
const LATE = 'postlude: the database is at the plan, and only the report is late: the step goes on';

/**
 * The commands of the build, for a POSIX shell. Values go by name (`--env NAME`), so that none of
 * them stands on a command line; the last command ends as postlude does.
 */
export function commands(run: BuildRun): string[] {
  return [
    ...(run.registry ? [login(run.registry.uri, run.registry.region)] : []),
    `docker pull --quiet "$${IMAGE}"`,
    'export POSTLUDE_LOG=text',
    'export POSTLUDE_BY="${CODEBUILD_INITIATOR:-CodeBuild}"',
    `export POSTLUDE_REASON="execution $\{${EXECUTION}:-unknown}, build $\{CODEBUILD_BUILD_ID:-unknown}`
      + '${CODEBUILD_RESOLVED_SOURCE_VERSION:+, commit $CODEBUILD_RESOLVED_SOURCE_VERSION}"',
    'export PIPELINE_NAME="${PIPELINE_NAME:-${POSTLUDE_BY#codepipeline/}}"',
    'export SNS_TOPIC_ARN="${SNS_TOPIC_ARN:-}"',
    `export POSTLUDE_RERUN="${rerun()}"`,
    `status=0; ${launch(run)} || status=$?`,
    `if [ "$status" = 8 ]; then echo "${LATE}" >&2; status=0; fi`,
    '(exit "$status")',
  ];
}

function login(uri: string, region: string): string {
  return `aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${uri}`;
}

/** A build that CodePipeline started is run again by the stage; which one that is, nobody tells the build. */
function rerun(): string {
  return 'aws codepipeline retry-stage-execution --region ${AWS_REGION:-} --pipeline-name ${PIPELINE_NAME}'
    + ` --stage-name <stage> --pipeline-execution-id $\{${EXECUTION}:-} --retry-mode FAILED_ACTIONS`;
}

/** SIGTERM when the time is over, which Docker passes on and postlude ends well within a minute of. */
function launch(run: BuildRun): string {
  return [
    `timeout --preserve-status --kill-after=60 ${run.seconds}`,
    'docker run --rm --pull never --network host --cap-drop ALL --security-opt no-new-privileges',
    ...(run.readOnly ? ['--read-only'] : []),
    ...[...new Set([...HANDED_ON, ...run.variables])].map((name) => `--env ${name}`),
    `"$${IMAGE}" run`,
  ].join(' ');
}
