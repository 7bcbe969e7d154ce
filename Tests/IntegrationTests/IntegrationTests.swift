import Glibc
import Testing

/// Tests of the daemon itself over its socket, with the real OCI runtime, monitor, network plugins and registry.
/// One after the other: they measure what is left on the machine, and the machine is small.
@Suite(
    .serialized, .lab, .timeLimit(.minutes(2)),
    .enabled(if: geteuid() == 0, "pods need root"))
enum Integration {}
