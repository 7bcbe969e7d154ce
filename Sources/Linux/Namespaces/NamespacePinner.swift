import CLinux
import Glibc

/// A range of ids inside a user namespace and what it is outside.
public struct IDMap: Sendable, Equatable, Codable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var length: UInt32

    public init(containerID: UInt32, hostID: UInt32, length: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.length = length
    }

    var argument: String { "\(containerID):\(hostID):\(length)" }
}

/// The namespaces that a pod wants for its own.
public struct NamespaceRequest: Sendable {
    /// Where the pins go, one file a namespace. It exists.
    public var directory: String
    public var network = false
    public var ipc = false
    public var uts = false
    /// With it comes an init process that reaps, the pod's first.
    public var pid = false
    public var hostname: String?
    /// Written inside of the new namespaces.
    public var sysctls: [String: String] = [:]
    /// Without mappings the user namespace is the host's.
    public var uidMap: [IDMap] = []
    public var gidMap: [IDMap] = []
    /// Files to write the init's number into.
    public var cgroupProcsFiles: [String] = []

    public init(directory: String) { self.directory = directory }

    var arguments: [String] {
        var list = ["--dir", directory]
        if network { list.append("--net") }
        if ipc { list.append("--ipc") }
        if uts { list.append("--uts") }
        if pid { list.append("--pid") }
        if let hostname, uts { list += ["--hostname", hostname] }
        for (key, value) in sysctls.sorted(by: { $0.key < $1.key }) { list += ["--sysctl", "\(key)=\(value)"] }
        if !uidMap.isEmpty {
            list.append("--user")
            list += uidMap.flatMap { ["--uid-map", $0.argument] } + gidMap.flatMap { ["--gid-map", $0.argument] }
        }
        if pid { list += cgroupProcsFiles.flatMap { ["--cgroup-procs", $0] } }
        return list
    }
}

/// The files that keep a pod's namespaces; nil where the pod uses the host's.
public struct PinnedNamespaces: Sendable, Codable, Equatable {
    public var net: String?
    public var ipc: String?
    public var uts: String?
    public var user: String?
    public var pid: String?
    /// The init's number on the host.
    public var initPID: Int32?
    public var uidMappings: [IDMap] = []
    public var gidMappings: [IDMap] = []

    public init() {}
}

/// Makes and removes pinned namespaces, by the program swiftlet-pin.
public struct NamespacePinner: Sendable {
    private let executable: String

    /// - Parameter executable: swiftlet-pin's file.
    public init(executable: String) { self.executable = executable }

    /// - Throws: `PinError` with the step that failed; nothing is left then.
    public func pin(_ request: NamespaceRequest) async throws -> PinnedNamespaces {
        let result = try await Command(executable, request.arguments).run(timeout: .seconds(30))
        guard result.status.isSuccess else { throw PinError(message: result.errorText) }
        var pinned = PinnedNamespaces()
        if request.network { pinned.net = request.directory + "/net" }
        if request.ipc { pinned.ipc = request.directory + "/ipc" }
        if request.uts { pinned.uts = request.directory + "/uts" }
        if !request.uidMap.isEmpty { pinned.user = request.directory + "/user" }
        if request.pid { pinned.pid = request.directory + "/pid" }
        pinned.uidMappings = request.uidMap
        pinned.gidMappings = request.gidMap
        let printed = String(decoding: result.output, as: UTF8.self).filter { !$0.isNewline }
        pinned.initPID = Int32(printed).flatMap { $0 > 0 ? $0 : nil }
        return pinned
    }

    /// Ends the init and takes the pins away. Idempotent; a directory that is not there has none.
    public func unpin(directory: String) async throws {
        try await BlockingPool.shared.run {
            guard Files.exists(directory) else { return }
            NamespaceFile.endProcesses(of: directory + "/pid")
            for name in try Files.list(directory) {
                try Mounts.unmount("\(directory)/\(name)")
                try Files.removeTree("\(directory)/\(name)")
            }
        }
    }
}

/// swiftlet-pin's own words.
public struct PinError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    public var description: String { "the pod's namespaces cannot be made: \(message)" }
}

/// Files that stand for namespaces, namespaces(7).
public enum NamespaceFile {
    /// Whether a namespace is bound to the path: an unmounted pin is an empty file.
    public static func isPinned(_ path: String) -> Bool {
        var status = statfs()
        // NSFS_MAGIC and, for namespaces bound before they were opened, PROC_SUPER_MAGIC.
        return statfs(path, &status) == 0 && (status.f_type == 0x6e73_6673 || status.f_type == 0x9fa0)
    }

    /// The number by which the kernel knows a namespace.
    static func identity(_ path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Ends every process in the PID namespace that is pinned at `path`: its init's end ends all. Blocks.
    static func endProcesses(of path: String) {
        guard isPinned(path), let wanted = identity(path), let entries = try? Files.list("/proc") else { return }
        for pid in entries.compactMap({ Int32($0) }) where identity("/proc/\(pid)/ns/pid") == wanted {
            let descriptor = OwnedDescriptor(clinux_pidfd_open(pid, 0))
            // Asked again, now that the number can no longer go to another unseen.
            guard descriptor.raw >= 0, identity("/proc/\(pid)/ns/pid") == wanted else { continue }
            _ = clinux_pidfd_send_signal(descriptor.raw, SIGKILL)
        }
    }
}
