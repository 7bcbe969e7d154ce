import CLinux
import Glibc
import Linux
import Logging
import NIOCore
import OCI
import Registry
import Store
import Synchronization

/// The unpacked layers of the node: a directory each, named by diff id, with no parent mounted. A layer that two pulls want
/// is fetched once; one that no image has any more goes.
actor LayerStore {
    static let collection = Collection<LayerRecord>("layers")

    private let directory: String
    private let store: Store
    private let logger: Logger
    private let bootID: String
    private let underWay = JoinedWork<Digest, LayerRecord>()
    private var records: [String: LayerRecord] = [:]
    /// Pulls under way that count on a layer.
    private var users: [String: Int] = [:]
    /// Compressed and uncompressed bytes may differ by this factor, and by a gigabyte at the least.
    private let largestRatio: Int64 = 1100

    /// Takes up the records. What is in the directory without one, or was not on the disk when the node went down, goes.
    init(directory: String, store: Store, logger: Logger) async throws {
        self.directory = directory
        self.store = store
        self.logger = logger
        let boot = try Files.readText("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }
        bootID = boot
        for record in try await store.all(Self.collection) {
            let lost = record.volatileSince.map { $0 != boot } ?? false
            if lost || !Files.exists("\(directory)/\(record.id)") {
                try await store.remove(record.id, from: Self.collection)
            } else {
                records[record.id] = record
            }
        }
        let known = Set(records.keys)
        try await BlockingPool.shared.run {
            try Files.makeDirectories(directory, mode: 0o700)
            for name in try Files.list(directory) where !known.contains(name) { try Files.removeTree("\(directory)/\(name)") }
        }
    }

    func path(_ diffID: Digest) -> String { "\(directory)/\(diffID.hex)" }
    func has(_ diffID: Digest) -> Bool { records[diffID.hex] != nil }
    /// Bytes and inodes of all layers.
    var usage: (bytes: UInt64, inodes: UInt64) {
        records.values.reduce((0, 0)) { ($0.0 + $1.bytes, $0.1 + $1.inodes) }
    }

    /// Keeps layers from being removed until `letGo`.
    func hold(_ diffIDs: [Digest]) { for id in diffIDs { users[id.hex, default: 0] += 1 } }
    func letGo(_ diffIDs: [Digest]) {
        for id in diffIDs { users[id.hex] = users[id.hex].flatMap { $0 > 1 ? $0 - 1 : nil } }
    }

    /// Makes sure that a layer is there, fetching it unless it is or is on its way.
    /// - Throws: `ImageError`, `RegistryError`.
    func fetch(
        _ descriptor: Descriptor, diffID: Digest, from source: any ImageSource, progress: @escaping @Sendable (Int64) -> Void
    ) async throws {
        if records[diffID.hex] != nil { return progress(descriptor.size) }
        guard let compression = LayerCompression(mediaType: descriptor.mediaType) else {
            throw ImageError.unsupportedMediaType(descriptor.mediaType, of: "layer \(descriptor.digest)")
        }
        let limit = max(1 << 30, descriptor.size.multipliedReportingOverflow(by: largestRatio).partialValue)
        let record = try await underWay.result(for: diffID) { [self] in
            let record = try await download(descriptor, diffID: diffID, compression, limit: limit, from: source, progress: progress)
            try await commit(record)
            return record
        }
        records[diffID.hex] = record
    }

    private func commit(_ record: LayerRecord) async throws {
        try await store.put(record, in: Self.collection)
        records[record.id] = record
    }

    /// Receives, checks and unpacks at once; renames into place what is whole.
    private nonisolated func download(
        _ descriptor: Descriptor, diffID: Digest, _ compression: LayerCompression, limit: Int64, from source: any ImageSource,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> LayerRecord {
        let temporary = "\(directory)/new-\(diffID.hex)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        let final = "\(directory)/\(diffID.hex)"
        let queue = ChunkQueue()
        let work = LayerWork(layer: descriptor.digest, diffID: diffID, compression: compression, limit: limit, directory: temporary)
        async let unpacked = work.run(queue)
        do {
            var received: Int64 = 0
            for try await chunk in try await source.blob(descriptor, from: 0) {
                received += Int64(chunk.readableBytes)
                guard await queue.push(chunk) else { break }
                progress(received)
            }
            queue.finish(.success(()))
        } catch {
            queue.finish(.failure(error))
        }
        do {
            let (bytes, inodes) = try await unpacked
            try await BlockingPool.shared.run { _ = try check("rename", final) { rename(temporary, final) } }
            return LayerRecord(id: diffID.hex, bytes: bytes, inodes: inodes, volatileSince: bootID)
        } catch {
            try? await BlockingPool.shared.run { try Files.removeTree(temporary) }
            throw error
        }
    }

    /// Brings what was unpacked to the disk and notes that it is there. Until then a node that goes down loses the layer,
    /// and only it: the start after that removes it.
    func settle(_ diffIDs: [Digest]) async {
        let fresh = diffIDs.filter { records[$0.hex]?.volatileSince != nil }
        guard !fresh.isEmpty else { return }
        do {
            let directory = directory
            try await BlockingPool.shared.run {
                let descriptor = try OwnedDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
                try check("syncfs", directory) { clinux_syncfs(descriptor.raw) }
            }
            for id in fresh {
                guard var record = records[id.hex] else { continue }
                record.volatileSince = nil
                try await commit(record)
            }
        } catch {
            logger.error("bringing layers to the disk failed", metadata: ["error": "\(error)"])
        }
    }

    /// Removes the layers that are not among `used` and that no pull counts on.
    func removeUnused(keeping used: Set<Digest>) async {
        let kept = Set(used.map(\.hex))
        for id in records.keys where !kept.contains(id) && users[id] == nil {
            records[id] = nil
            do {
                try await store.remove(id, from: Self.collection)
                let path = "\(directory)/\(id)"
                let doomed = "\(directory)/old-\(id)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
                try await BlockingPool.shared.run { _ = try check("rename", path) { rename(path, doomed) } }
                // Thousands of files: nobody waits for them. A crash leaves it to the next start.
                Task.detached { try? await BlockingPool.shared.run { try Files.removeTree(doomed) } }
            } catch {
                logger.error("removing a layer failed; the next start tries again", metadata: ["layer": "\(id)", "error": "\(error)"])
            }
        }
    }
}
