"""Case files: blocks of "key value" lines, separated by empty lines, # starting a comment line; the
first line of a block is "case NAME". The same form as that of the unit tests in C."""


class Block:
    """One case: its name, and its other lines in their order."""

    def __init__(self, line):
        key, _, self.name = line.partition(" ")
        if key != "case":
            raise ValueError(f'a block begins with "{line}"')
        self.lines = []

    def add(self, line):
        """One more line of the file."""
        key, _, value = line.partition(" ")
        self.lines.append((key, value))

    def all(self, key):
        """Every value of that key."""
        return [value for name, value in self.lines if name == key]

    def get(self, key, missing=None):
        """The only value of that key."""
        found = self.all(key)
        if len(found) > 1:
            raise ValueError(f'case "{self.name}" has {key} more than once')
        return found[0] if found else missing

    def only(self, keys):
        """That no line has another key, which would be a test of nothing."""
        strange = {key for key, _ in self.lines} - set(keys)
        if strange:
            raise ValueError(f'case "{self.name}" has {sorted(strange)}')


def read_blocks(path):
    """The blocks of a file; there is at least one."""
    blocks = []
    inside = False
    with open(path, encoding="utf-8") as stream:
        for line in stream.read().split("\n"):
            if not line:
                inside = False
            elif not line.startswith("#"):
                if inside:
                    blocks[-1].add(line)
                else:
                    blocks.append(Block(line))
                inside = True
    if not blocks:
        raise ValueError(f"{path} holds no case")
    return blocks
