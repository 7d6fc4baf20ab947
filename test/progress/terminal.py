"""Runs a program in a terminal of its own: `terminal.py COLUMNS ROWS PROGRAM ARGUMENTS...`

What the program writes goes to stdout. Each line of stdin is a command: `size COLUMNS ROWS`, or `type TEXT`, whose text is JSON.
Ends with the program's exit code, or with 128 and the number of the signal that ended it.
"""

import fcntl, json, os, pty, select, signal, struct, sys, termios


def resize(master, columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


columns, rows, *command = sys.argv[1:]
child, master = pty.fork()
if child == 0:
    resize(0, int(columns), int(rows))
    os.execvp(command[0], command)
inputs = [master, 0]
while master in inputs:
    ready, _, _ = select.select(inputs, [], [])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:  # The program has ended.
            data = b""
        if data == b"":
            inputs.remove(master)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    if 0 in ready:
        lines = os.read(0, 65536).decode().splitlines()
        if not lines:  # The test has ended.
            os.kill(child, signal.SIGKILL)
            inputs.remove(0)
        for line in lines:
            kind, rest = line.split(" ", 1)
            if kind == "size":
                resize(master, *map(int, rest.split()))
            else:
                os.write(master, json.loads(rest).encode())
_, status = os.waitpid(child, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
