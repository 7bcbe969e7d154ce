import CRI
import Glibc
import Linux
import OCIRuntime

/// The files of a pod, below the run directory: pinned namespaces, resolv.conf, hostname, /dev/shm.
struct PodFiles: Sendable {
    /// `<runroot>/pods`.
    let root: String
    /// The host's resolver file, for pods that bring none.
    var hostResolver = "/etc/resolv.conf"

    func directory(_ id: String) -> String { "\(root)/\(id)" }
    func namespaces(_ id: String) -> String { "\(directory(id))/ns" }
    /// A small file system of the pod's own: its containers may write to what lies there, and the run directory is everyone's.
    func texts(_ id: String) -> String { "\(directory(id))/etc" }
    func resolver(_ id: String) -> String { text("resolv.conf", of: id) }
    func hostname(_ id: String) -> String { text("hostname", of: id) }

    private func text(_ name: String, of id: String) -> String {
        // Of a pod that an older daemon made.
        let old = "\(directory(id))/\(name)"
        return Files.exists(old) ? old : "\(texts(id))/\(name)"
    }

    /// The pod's /dev/shm, or the host's where the pod shares the host's IPC namespace.
    func sharedMemory(_ pod: PodRecord) -> String {
        pod.namespaceOptions.ipc == .node ? "/dev/shm" : "\(directory(pod.id))/shm"
    }

    /// Makes the files. Blocks.
    /// - Throws: `NodeError.invalidArgument` for a size of /dev/shm that is none; `SystemError`.
    func make(_ pod: PodRecord, _ annotations: AllowedAnnotations) throws {
        let size = try Self.sharedMemorySize(annotations)
        try Files.makeDirectories(namespaces(pod.id), mode: 0o711)
        let owner = Owner(pod.userNamespace)
        let resolver = try Self.resolverFile(pod.config.dnsConfig) ?? Files.readText(hostResolver)
        try Files.makeDirectories(texts(pod.id), mode: 0o711)
        // Two files, and the directory that they are in.
        try Mounts.tmpfs(at: texts(pod.id), options: "mode=711,size=128k,nr_inodes=3")
        try write(resolver, to: self.resolver(pod.id), owner)
        try write(pod.hostname + "\n", to: hostname(pod.id), owner)
        if let label = pod.fileLabel {
            for file in [self.resolver(pod.id), hostname(pod.id)] { try Relabeling(label: label).run(file) }
        }
        guard pod.namespaceOptions.ipc != .node else { return }
        let shm = sharedMemory(pod)
        try Files.makeDirectories(shm)
        // A level has commas of its own, hence the quotation marks.
        let context = pod.fileLabel.map { ",context=\"\($0)\"" } ?? ""
        try Mounts.tmpfs(at: shm, options: "mode=1777,size=\(size),uid=\(owner.uid),gid=\(owner.gid)\(context)")
    }

    /// Bytes of a resolv.conf; resolvers read far less.
    private static let resolverLimit = 64 << 10

    /// Whom a pod's files belong to: its root.
    private struct Owner {
        let (uid, gid): (uid_t, gid_t)

        init(_ namespace: PodUserNamespace?) { (uid, gid) = (namespace?.uids.hostID ?? 0, namespace?.gids.hostID ?? 0) }
    }

    /// Bytes of the pod's /dev/shm: as its annotation says, or Docker's and CRI-O's default.
    static func sharedMemorySize(_ annotations: AllowedAnnotations) throws(NodeError) -> UInt64 {
        guard let text = annotations.value(.shmSize) else { return 64 << 20 }
        // A tmpfs takes zero as "without bound".
        guard let size = Quantity.value(text), size >= 1 else {
            throw .invalidArgument("the pod's annotation on the size of /dev/shm is '\(text)', which is no quantity such as 256Mi")
        }
        return size
    }

    private func write(_ text: String, to path: String, _ owner: Owner) throws {
        // Nothing to survive a power cut here: the run directory does not either.
        let file = try OwnedDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try check("fchmod", path) { fchmod(file.raw, 0o644) }
        try check("fchown", path) { fchown(file.raw, owner.uid, owner.gid) }
        try Files.write(text, to: path)
    }

    /// Removes all of a pod's files; idempotent. Blocks. The namespaces are unpinned before.
    func remove(_ id: String) throws {
        for mount in ["\(directory(id))/shm", texts(id)] { try Mounts.unmount(mount) }
        try Mounts.unmountAll(below: directory(id))
        try Files.removeTree(directory(id))
    }

    /// The text of resolv.conf(5); nil where the pod has no wishes.
    /// - Throws: `NodeError.invalidArgument` for values that would break out of their line, and for too many.
    static func resolverFile(_ dns: Runtime_V1_DNSConfig) throws(NodeError) -> String? {
        if dns.servers.isEmpty && dns.searches.isEmpty && dns.options.isEmpty { return nil }
        for value in dns.servers + dns.searches + dns.options where value.contains(where: { $0.isNewline || $0 == "\0" }) {
            throw .invalidArgument("the pod's DNS configuration has a value with a line break: \(value.debugDescription)")
        }
        var lines: [String] = []
        if !dns.searches.isEmpty { lines.append("search " + dns.searches.joined(separator: " ")) }
        lines += dns.servers.map { "nameserver \($0)" }
        if !dns.options.isEmpty { lines.append("options " + dns.options.joined(separator: " ")) }
        let text = lines.joined(separator: "\n") + "\n"
        guard text.utf8.count <= resolverLimit else {
            throw .invalidArgument("the pod's DNS configuration makes a resolv.conf of \(text.utf8.count) bytes; \(resolverLimit) are the most")
        }
        return text
    }
}

extension PodFiles {
    /// Whether the namespaces of a ready pod are still pinned, and its init runs: after a restart of the node they are not.
    func isWhole(_ pod: PodRecord) -> Bool {
        let pins = [pod.namespaces.net, pod.namespaces.ipc, pod.namespaces.uts, pod.namespaces.user].compactMap(\.self)
        let hasInit = pod.namespaces.initPID == nil || NamespacePinner.hasInit(directory: namespaces(pod.id))
        return hasInit && pins.allSatisfy { NamespaceFile.isPinned($0) }
    }
}
