import Glibc

/// One entry of a layer's archive, without its content.
struct TarEntry {
    enum Kind: Equatable {
        /// `size` in bytes, holes included.
        case file(size: Int64)
        case directory
        case symbolicLink(to: [UInt8])
        /// To another entry of the same archive.
        case hardLink(to: [UInt8])
        /// A character or block device or a FIFO, with its type as in `st_mode`.
        case node(type: mode_t, major: UInt32, minor: UInt32)
        case unknown
    }

    /// As the archive writes it.
    var path: [UInt8]
    var kind: Kind
    /// Permission bits, with setuid, setgid and sticky.
    var mode: mode_t = 0o644
    var owner: uid_t = 0
    var group: gid_t = 0
    var accessed = timespec()
    var modified = timespec()
    var attributes: [Attribute] = []

    /// An extended attribute.
    struct Attribute: Equatable {
        let name: String
        let value: [UInt8]

        /// Whether it is the image's to set: overlay's own are ours, and SELinux labels the host's.
        var isAllowed: Bool {
            !name.hasPrefix("trusted.overlay.") && !name.hasPrefix("user.overlay.") && name != "security.selinux"
        }

        /// Without it programs lose the rights that the image gives them: not to be left out where it cannot be set.
        var isVital: Bool { name == "security.capability" }
    }
}
