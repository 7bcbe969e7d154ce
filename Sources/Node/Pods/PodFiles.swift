import CRI
import Glibc
import Linux

/// The files of a pod, below the run directory: pinned namespaces, resolv.conf, hostname, /dev/shm.
struct PodFiles: Sendable {
    /// `<runroot>/pods`.
    let root: String
    /// The host's resolver file, for pods that bring none.
    var hostResolver = "/etc/resolv.conf"

    func directory(_ id: String) -> String { "\(root)/\(id)" }
    func namespaces(_ id: String) -> String { "\(directory(id))/ns" }
    func resolver(_ id: String) -> String { "\(directory(id))/resolv.conf" }
    func hostname(_ id: String) -> String { "\(directory(id))/hostname" }

    /// The pod's /dev/shm, or the host's where the pod shares the host's IPC namespace.
    func sharedMemory(_ pod: PodRecord) -> String {
        pod.namespaceOptions.ipc == .node ? "/dev/shm" : "\(directory(pod.id))/shm"
    }

    /// Makes the files. Blocks.
    /// - Parameter sharedMemory: bytes of /dev/shm.
    func make(_ pod: PodRecord, sharedMemory size: UInt64) throws {
        try Files.makeDirectories(namespaces(pod.id), mode: 0o711)
        let resolver = try Self.resolverFile(pod.config.dnsConfig) ?? Files.readText(hostResolver)
        try write(resolver, to: self.resolver(pod.id))
        try write(pod.hostname + "\n", to: hostname(pod.id))
        guard pod.namespaceOptions.ipc != .node else { return }
        let shm = sharedMemory(pod)
        try Files.makeDirectories(shm)
        try Mounts.tmpfs(at: shm, options: "mode=1777,size=\(size)")
    }

    private func write(_ text: String, to path: String) throws {
        // Nothing to survive a power cut here: the run directory does not either.
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try check("fchmod", path) { fchmod(file.raw, 0o644) }
        try Files.write(text, to: path)
    }

    /// Removes all of a pod's files; idempotent. Blocks. The namespaces are unpinned before.
    func remove(_ id: String) throws {
        try Mounts.unmount("\(directory(id))/shm")
        try Mounts.unmountAll(below: directory(id))
        try Files.removeTree(directory(id))
    }

    /// The text of resolv.conf(5); nil where the pod has no wishes.
    /// - Throws: `NodeError.invalidArgument` for values that would break out of their line.
    static func resolverFile(_ dns: Runtime_V1_DNSConfig) throws(NodeError) -> String? {
        if dns.servers.isEmpty && dns.searches.isEmpty && dns.options.isEmpty { return nil }
        for value in dns.servers + dns.searches + dns.options where value.contains(where: { $0.isNewline || $0 == "\0" }) {
            throw .invalidArgument("the pod's DNS configuration has a value with a line break: \(value.debugDescription)")
        }
        var lines: [String] = []
        if !dns.searches.isEmpty { lines.append("search " + dns.searches.joined(separator: " ")) }
        lines += dns.servers.map { "nameserver \($0)" }
        if !dns.options.isEmpty { lines.append("options " + dns.options.joined(separator: " ")) }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension PodFiles {
    /// Whether the namespaces of a ready pod are still pinned: after a restart of the node they are not.
    func isWhole(_ pod: PodRecord) -> Bool {
        let pins = [pod.namespaces.net, pod.namespaces.ipc, pod.namespaces.uts, pod.namespaces.user].compactMap(\.self)
        return pins.allSatisfy { NamespaceFile.isPinned($0) }
    }
}
