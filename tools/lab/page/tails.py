"""What is new in files that others write to."""

AT_FIRST = 131_072  # bytes of a file's end that are read at first
AT_ONCE = 1_048_576  # bytes


class Tails:
    """The new lines of the files of a folder that match a pattern; at first, their last ones."""

    def __init__(self, folder, pattern):
        self.folder = folder
        self.pattern = pattern
        self.read = {}  # {path: bytes of it}
        self.unfinished = {}
        self.is_first = True

    def lines(self):
        """[(name of the file without its ending, line)]"""
        found = [
            (path.name.rpartition(".")[0], line)
            for path in sorted(self.folder.glob(self.pattern))
            for line in self._lines_of(path)
        ]
        self.is_first = False
        return found

    def _lines_of(self, path):
        size = path.stat().st_size
        begin = self.read.get(path)
        if begin is None or begin > size:  # new, or somebody has emptied it
            begin = max(0, size - AT_FIRST) if self.is_first else 0
            self.unfinished[path] = None if begin else b""
        with path.open("rb") as file:
            file.seek(begin)
            data = file.read(AT_ONCE)
        self.read[path] = begin + len(data)
        *lines, rest = data.split(b"\n")
        before = self.unfinished[path]
        if lines and before is None:  # the file was opened in the middle of this line
            lines = lines[1:]
        elif lines:
            lines[0] = before + lines[0]
        else:
            rest = None if before is None else before + rest
        self.unfinished[path] = rest
        return [line.decode(errors="replace") for line in lines]
