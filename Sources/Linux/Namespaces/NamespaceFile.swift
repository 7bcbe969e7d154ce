import CLinux
import Glibc

/// The kinds of namespaces that a pod can have for its own, by their names in /proc/PID/ns and of their pins.
public enum NamespaceKind: String, Sendable, Codable, CaseIterable {
    case user, net, ipc, uts, pid

    func pin(in directory: String) -> String { "\(directory)/\(rawValue)" }
}

/// A file that stands for a namespace, namespaces(7): a pin, or one in /proc/PID/ns.
public struct NamespaceFile: Sendable, Equatable {
    public let kind: NamespaceKind
    public let path: String

    public init(_ kind: NamespaceKind, path: String) {
        self.kind = kind
        self.path = path
    }

    /// The namespace of a process.
    public static func of(process pid: Int32, _ kind: NamespaceKind) -> NamespaceFile {
        NamespaceFile(kind, path: "/proc/\(pid)/ns/\(kind.rawValue)")
    }

    /// By what the kernel tells namespaces apart.
    public struct Identity: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// Nil where no namespace is bound to the path, or its process has ended.
    public var identity: Identity? {
        var status = stat()
        guard Self.isPinned(path), stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Whether a namespace is bound to the path: an unmounted pin is an empty file.
    public static func isPinned(_ path: String) -> Bool {
        let namespaceFileSystem = 0x6e73_6673
        var status = statfs()
        return statfs(path, &status) == 0 && Int(status.f_type) == namespaceFileSystem
    }
}
