import Glibc
import Linux
import NIOCore
import OCI
import Registry

/// Gets layers: each once, however many pulls want it, and so many at a time.
struct LayerFetcher: Sendable {
    /// A layer of one image, with where to get it.
    struct Request: Sendable {
        let descriptor: Descriptor
        let diffID: Digest
        let source: any ImageSource
        /// Whose share of the downloads it has.
        let party: DownloadParty
    }

    let content: ContentStore
    let options: ImageOptions
    /// Work is shared by those who want the same blob to be the same layer: one who claims another content of it, or another blob
    /// to be that content, works alone.
    private struct Work: Hashable {
        let blob: Digest
        let diffID: Digest
    }

    private let underWay = SharedWork<Work, LayerRecord, Int64>()
    private let places: DownloadPlaces

    /// Compressed bytes of a layer that may wait for its thread.
    private static let queueLimit = 4 << 20
    /// How often progress is told, in bytes.
    private static let progressStep: Int64 = 256 << 10

    init(content: ContentStore, options: ImageOptions) {
        (self.content, self.options) = (content, options)
        places = DownloadPlaces(each: options.parallelLayers)
    }

    /// Gets a layer that the caller has pinned, unless it is there.
    /// - Parameter progress: told the compressed bytes received.
    /// - Returns: the layer, and whether it had to be fetched.
    func layer(_ request: Request, progress: @escaping @Sendable (Int64) -> Void) async throws -> (record: LayerRecord, fetched: Bool) {
        let blob = request.descriptor.digest
        while true {
            if let record = content.catalog.layer(request.diffID, by: blob) { return (record, false) }
            do {
                let record = try await underWay.value(for: Work(blob: blob, diffID: request.diffID), observer: progress) { tell in
                    // Another work on it may have ended between the look and now.
                    if let record = content.catalog.layer(request.diffID, by: blob) { return record }
                    return try await places.run(request.party) { try await fetch(request, tell) }
                }
                return (record, true)
            } catch {
                // Another pull's credentials or registry may be why: this one has its own.
                guard error.joined, !Task.isCancelled else { throw error.error }
            }
        }
    }

    private func fetch(_ request: Request, _ tell: @escaping @Sendable (Int64) -> Void) async throws -> LayerRecord {
        try Task.checkCancellation()
        if let record = content.catalog.layers[request.diffID] { return try await verify(request, record, tell) }
        let directories = content.directories
        let unpacker = LayerUnpacker(
            descriptor: request.descriptor, diffID: request.diffID, limit: options.unpackLimit(size: request.descriptor.size),
            directory: directories.temporaryName(), boot: content.boot)
        do {
            let record = try await receive(request, tell) { try unpacker.run($0) }
            try Task.checkCancellation()
            return try await content.add(record, in: unpacker.directory, from: request.descriptor.digest)
        } catch {
            try? await uncancelled { try await BlockingPool.shared.run { try directories.discard(unpacker.directory) } }
            content.emptyTrash()
            throw error
        }
    }

    /// The layer is there, by another blob: reads this one, and looks whether it unpacks to the layer as claimed.
    private func verify(_ request: Request, _ record: LayerRecord, _ tell: @escaping @Sendable (Int64) -> Void) async throws -> LayerRecord {
        let (descriptor, diffID, limit) = (request.descriptor, request.diffID, options.unpackLimit(size: request.descriptor.size))
        try await receive(request, tell) { queue in
            try LayerStream(queue, descriptor: descriptor, limit: limit).finish(expecting: diffID)
        }
        try await content.change { $0.verified(descriptor.digest, of: diffID) }
        return record
    }

    /// Downloads, and works on what comes at once.
    private func receive<R: Sendable>(
        _ request: Request, _ tell: @escaping @Sendable (Int64) -> Void, _ work: @escaping @Sendable (ChunkQueue) throws -> R
    ) async throws -> R {
        let queue = ChunkQueue(limit: Self.queueLimit)
        async let unpacked = onOwnThread(named: "layer") {
            // A download that goes on must not wait for a thread that has gone.
            defer { queue.abandon() }
            return try work(queue)
        }
        do {
            var (received, told) = (Int64(0), Int64(0))
            for try await chunk in try await request.source.blob(request.descriptor, from: 0) {
                received += Int64(chunk.readableBytes)
                guard await queue.push(chunk) else { break }
                if received - told >= Self.progressStep {
                    told = received
                    tell(received)
                }
            }
            // A stream whose task is cancelled ends early and says nothing.
            try Task.checkCancellation()
            queue.finish()
        } catch {
            queue.finish(error)
        }
        return try await unpacked
    }
}
