import CLinux
import Glibc
import Linux
import OCI

/// Stacks an image's layers. Where a layer implies directories that a lower one describes, the image gets a layer of its own
/// on top, with nothing but these directories as they should look; the layers themselves stay as other images need them.
struct InheritedDirectories: Sendable {
    let content: ContentStore

    /// - Parameters:
    ///   - diffIDs: the layers of the image, the lowest first.
    ///   - image: the digest that the layer on top goes by.
    /// - Returns: the layers to stack, the lowest first.
    func stack(_ diffIDs: [Digest], image: Digest) async throws -> [Digest] {
        let known = content.catalog.layers
        let layers = Self.shown(diffIDs) { known[$0]?.hidesAll ?? false }
        if known[image] != nil { return layers + [image] }
        let records = layers.compactMap { known[$0] }
        guard records.contains(where: { !$0.implied.isEmpty }) else { return layers }
        let (directories, boot) = (content.directories, content.boot)
        let made = try await BlockingPool.shared.run {
            let directory = directories.temporaryName()
            do {
                var builder = try InheritedLayer(records: records, directories: directories)
                guard let inodes = try builder.write(to: directory) else { return nil as LayerRecord? }
                try directories.commit(directory, as: image)
                return LayerRecord(digest: image, bytes: inodes * 4096, inodes: inodes, implied: [], hidesAll: false, unsyncedSince: boot)
            } catch {
                try? directories.discard(directory)
                throw error
            }
        }
        guard let made else { return layers }
        try await content.change { $0.add(made) }
        return layers + [image]
    }

    /// The layers that show: none below one that hides all, and each once, as overlay wants it. The upper of two same layers
    /// has all that the lower one has.
    static func shown(_ layers: [Digest], hidesAll: (Digest) -> Bool) -> [Digest] {
        var seen: Set<Digest> = []
        let top = layers[(layers.lastIndex(where: hidesAll) ?? 0)...]
        return top.reversed().filter { seen.insert($0).inserted }.reversed()
    }
}

/// Works the layer on top out, from what is on disk. Blocks.
private struct InheritedLayer {
    /// The topmost first.
    private let records: [LayerRecord]
    private let implied: [Digest: Set<LayerPath>]
    private let roots: [Digest: OwnedDescriptor]
    /// What was found: paths share what is above them, however deep they are.
    private var looked: [Digest: [LayerPath: DirectoryOrigin.Look]] = [:]

    init(records: [LayerRecord], directories: ImageDirectories) throws {
        self.records = records.reversed()
        implied = Dictionary(uniqueKeysWithValues: records.map { ($0.digest, Set($0.implied)) })
        var roots: [Digest: OwnedDescriptor] = [:]
        for record in records { roots[record.digest] = try OwnedDescriptor.open(directories.layer(record.digest), O_RDONLY | O_DIRECTORY) }
        self.roots = roots
    }

    /// - Returns: inodes taken; nil, and nothing is made, where all looks as it should.
    mutating func write(to directory: String) throws -> UInt64? {
        let (records, implied) = (records, implied)
        var origins: [LayerPath: Digest] = [:]
        for path in implied.values.reduce(into: Set<LayerPath>(), { $0.formUnion($1) }) {
            let layers = records.map { (digest: $0.digest, describes: !(implied[$0.digest]?.contains(path) ?? false)) }
            guard let found = try DirectoryOrigin.find(layers, look: { try look(at: path, in: $0) }) else { continue }
            if try looks(path, in: found.shown) != looks(path, in: found.origin) { origins[path] = found.origin }
        }
        guard !origins.isEmpty else { return nil }
        try Files.makeDirectories(directory, mode: 0o700)
        let root = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        // Directories on the way there show as well, and so have to look as they do without this layer.
        var onTheWay: Set<LayerPath> = []
        for path in origins.keys {
            var next = path
            while !next.isRoot, onTheWay.insert(next).inserted { next = next.parent }
        }
        let paths = onTheWay.sorted { $0.bytes.count < $1.bytes.count }
        for path in paths { try check("mkdir", "\(path)") { path.withCString { mkdirat(root.raw, $0, 0o700) } } }
        for path in paths.reversed() + [.root] {
            let origin =
                try origins[path]
                ?? records.first { if case .directory = try look(at: path, in: $0.digest) { true } else { false } }?.digest
            guard let origin else { continue }
            try looks(path, in: origin).apply(to: path, in: root)
        }
        return UInt64(paths.count + 1)
    }

    private mutating func look(at path: LayerPath, in layer: Digest) throws -> DirectoryOrigin.Look {
        guard let root = roots[layer] else { return .absent }
        var (pending, next): ([LayerPath], LayerPath) = ([], path)
        while !next.isRoot, looked[layer]?[next] == nil {
            pending.append(next)
            next = next.parent
        }
        var look = looked[layer]?[next] ?? .directory(opaque: false)
        for place in pending.reversed() {
            look = Self.look(at: place, in: root, above: look)
            looked[layer, default: [:]][place] = look
        }
        return look
    }

    /// - Parameter above: what is at the directory above it.
    private static func look(at path: LayerPath, in root: OwnedDescriptor, above: DirectoryOrigin.Look) -> DirectoryOrigin.Look {
        guard case .directory(let isOpaque) = above else { return above }
        var status = stat()
        guard path.withCString({ fstatat(root.raw, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else { return isOpaque ? .blocked : .absent }
        guard status.st_mode & S_IFMT == S_IFDIR else { return .blocked }
        var value: UInt8 = 0
        let through = Array("/proc/self/fd/\(root.raw)/".utf8) + path.bytes
        let hides = through.withCString { lgetxattr($0, TarEntry.Attribute.opaque.name, &value, 1) } == 1
        return .directory(opaque: isOpaque || hides)
    }

    private func looks(_ path: LayerPath, in layer: Digest) throws -> DirectoryLooks {
        var status = stat()
        let root = roots[layer]?.raw ?? -1
        try check("stat", "\(path)") { path.withCString { fstatat(root, $0, &status, AT_SYMLINK_NOFOLLOW) } }
        return DirectoryLooks(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid, modified: status.st_mtim)
    }
}

/// What shows of a directory itself.
private struct DirectoryLooks: Equatable {
    let mode: mode_t
    let owner: uid_t
    let group: gid_t
    let modified: timespec

    static func == (one: DirectoryLooks, other: DirectoryLooks) -> Bool {
        (one.mode, one.owner, one.group) == (other.mode, other.owner, other.group)
    }

    func apply(to path: LayerPath, in root: OwnedDescriptor) throws {
        try path.withCString { name in
            try check("fchownat", "\(path)") { fchownat(root.raw, name, owner, group, 0) }
            try check("fchmodat", "\(path)") { fchmodat(root.raw, name, mode, 0) }
            try check("utimensat", "\(path)") { utimensat(root.raw, name, [modified, modified], 0) }
        }
    }
}
