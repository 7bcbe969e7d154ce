import CLinux
import Glibc
import Linux

/// A new pseudo-terminal.
struct Terminal {
    let master: OwnedDescriptor
    let slave: OwnedDescriptor

    init() throws(SystemError) {
        var ends: (master: CInt, slave: CInt) = (-1, -1)
        try check("open a terminal") { clinux_open_terminal(&ends.master, &ends.slave) }
        master = OwnedDescriptor(ends.master)
        slave = OwnedDescriptor(ends.slave)
    }
}

extension OwnedDescriptor {
    /// Another descriptor of the same open file.
    func duplicate() throws(SystemError) -> OwnedDescriptor {
        OwnedDescriptor(try check("fcntl") { fcntl(raw, F_DUPFD_CLOEXEC, 0) })
    }
}
