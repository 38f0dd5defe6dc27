# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Where a verb measures: the options that say so, and its servers."""
from . import agent, launch, programs, runner
from .errors import USAGE, SuiteError

FIRST_PORT = 18515  # the programs' own


def arguments(parser):
    parser.add_argument("--server", metavar="HOST", help="the other host (default: this one)")
    parser.add_argument("--client", metavar="HOST", help="where clients run, started as servers are "
                        "(default: this one)")
    parser.add_argument("--launch", choices=launch.LAUNCHES, help="how servers are started: here, by "
                        "ssh, srun or mpirun on HOST, or by hand (default: local, with --server ssh)")
    parser.add_argument("--address", help="where the server is reached (default: HOST)")
    parser.add_argument("--bind", help="the address that servers listen on (default: all; "
                        "127.0.0.1 if here)")
    parser.add_argument("--port", type=int, help="of the first program's server, the next program's "
                        f"is one above (default: {FIRST_PORT}; here any that is free)")
    parser.add_argument("--devices", metavar="SERVER,CLIENT", help="RDMA devices (default: the "
                        "first two here, or the only one; on two hosts each program's choice)")
    parser.add_argument("--programs", metavar="DIR", help="where ib_rw_bw and ib_rw_lat are, on the "
                        "client's host")
    parser.add_argument("--server_programs", metavar="DIR", help="where they are on the server's "
                        "(default: as there)")


def _check(args):
    args.launch = args.launch or ("ssh" if args.server else "local")
    if args.launch == "local":
        if args.server:
            raise SuiteError("--launch=local is without --server", USAGE)
        args.server, args.bind = "127.0.0.1", args.bind or "127.0.0.1"
    if not args.server:
        raise SuiteError(f"--launch={args.launch} needs the other host: --server=HOST", USAGE)
    if args.client and args.launch not in launch.REMOTE:
        raise SuiteError(f"--client={args.client} is without --launch={args.launch}: it goes with "
                         f"{', '.join(launch.REMOTE)}, and --server", USAGE)
    for name, host in (("server", args.server), ("client", args.client)):
        if (host or "").startswith("-"):
            raise SuiteError(f"--{name}={host}: no name of a host", USAGE)
    if args.port is not None and not 1 <= args.port <= 65000:
        raise SuiteError(f"--port={args.port} is out of range; give 1 to 65000", USAGE)
    args.address = args.address or args.server.rsplit("@", 1)[-1]


def _device_pair(args, needed):
    if args.devices:
        pair = args.devices.split(",")
        if len(pair) > 2 or not all(pair):
            raise SuiteError(f"--devices={args.devices}: give SERVER,CLIENT, or one for both", USAGE)
        return pair[0], pair[-1]
    try:
        return programs.devices() if args.launch == "local" else ("", "")
    except SuiteError:
        if needed:
            raise
        return "", ""


class Bed:
    """The programs @names, and a persistent server of each. Use it in contextlib.closing().

    Without @needs_device there may be none here; then nothing can be measured.
    """

    def __init__(self, args, names, server_options=(), needs_device=True):
        _check(args)
        self._host = launch.Host(args.launch, args.client) if args.client else None
        self._execute = self._host.execute if self._host else agent.execute
        self.paths = {name: f"{args.programs}/{name}" if self._host and args.programs else
                      programs.find(name, args.programs) for name in names}
        server_device, self.device = _device_pair(args, needs_device)
        self._servers = {}
        for number, name in enumerate(sorted(names)):
            path = f"{args.server_programs}/{name}" if args.server_programs else self.paths[name]
            port = args.port or (0 if args.launch == "local" else FIRST_PORT)
            self._servers[name] = runner.Server(path, list(server_options), args.launch, args.server,
                                                server_device, port + number if port else 0,
                                                args.address, args.bind)

    def explain(self, name, argv):
        """What program @name says of @argv on the client's device: programs.Answer."""
        return programs.explain(self.paths[name],
                                (["-d", self.device] if self.device else []) + argv,
                                self._execute)

    def check_servers(self):
        """Refuse options that servers do not have, without starting one. Each is seen by itself."""
        for name, server in self._servers.items():
            wrong = programs.wrong_option(self.paths[name], server.options, self._execute)
            if wrong:
                raise SuiteError(f"[server]: {wrong}", USAGE)

    def measure(self, name, argv, patience):
        """Run program @name once; what the store's line has of it."""
        self._servers[name].start()
        return runner.run_client(self.paths[name], argv, self.device, self._servers[name], patience,
                                 self._execute)

    def close(self):
        for server in self._servers.values():
            server.stop()
        if self._host:
            self._host.close()
