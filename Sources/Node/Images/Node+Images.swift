import CRI
import Images
import Linux
import Registry

extension Node {
    /// Pulls an image. CRI, PullImage. Its verbose status tells where the time went.
    /// - Returns: the image's id.
    public func pullImage(_ image: String, credentials: RegistryCredentials?, namespace: String?) async throws -> String {
        let recorder = PullRecorder(image: image, logger: logger)
        do {
            let pulled = try await images.pull(image, credentials: credentials, namespace: namespace) { recorder.note($0) }
            timelines.record(recorder.timeline, for: pulled.id)
            return pulled.id
        } catch {
            throw nodeError(error, "pulling \(image)")
        }
    }

    /// The image of an id or a name; nil where there is none.
    public func image(_ name: String) async throws -> ImageRecord? {
        do { return try await images.resolve(name) } catch { throw nodeError(error, "looking for \(name)") }
    }

    public func images(named name: String?) async throws -> [ImageRecord] {
        do { return try await images.list(name) } catch { throw nodeError(error, "listing images") }
    }

    /// Removes an image, or a name of one. CRI, RemoveImage: idempotent; an image that a container uses stays.
    public func removeImage(_ name: String) async throws {
        let id = try? await images.resolve(name)?.id
        do { try await images.remove(name) } catch .notFound { return } catch { throw nodeError(error, "removing \(name)") }
        if let id, (try? await images.resolve(id)) == nil { timelines.forget(id) }
    }

    /// What images and containers take on their file systems. CRI, ImageFsInfo.
    public func imageFileSystems() async throws -> (
        images: [Runtime_V1_FilesystemUsage], containers: [Runtime_V1_FilesystemUsage]
    ) {
        do {
            return (try await images.usage().map(\.message), [try await rootFileSystems.totalUsage().message])
        } catch {
            throw nodeError(error, "measuring the images' file system")
        }
    }
}

extension FilesystemUsage {
    fileprivate var message: Runtime_V1_FilesystemUsage {
        .with {
            $0.timestamp = Node.now()
            $0.fsID.mountpoint = mountpoint
            $0.usedBytes.value = bytes
            $0.inodesUsed.value = inodes
        }
    }
}

extension NodeError {
    /// An image's failure as the caller is to see it.
    init(_ error: ImageError) {
        switch error {
        case .notFound: self = .notFound("\(error)")
        case .invalidReference, .unsupportedMediaType, .noMatchingPlatform, .ambiguousID, .notAnImage, .obsoleteManifest, .tooManyLayers:
            self = .invalidArgument("\(error)")
        case .registry(let cause): self = NodeError(cause.root, "\(error)")
        case .outOfSpace: self = .resourceExhausted("\(error)")
        case .inUse: self = .failedPrecondition("\(error)")
        case .digestMismatch, .corrupt, .pathEscapes, .tooLarge, .storage, .cancelled: self = .failed("\(error)")
        }
    }

    private init(_ cause: RegistryError, _ text: String) {
        switch cause {
        case .notFound: self = .notFound(text)
        case .shortNameUnresolved, .shortNameAmbiguous: self = .invalidArgument(text)
        case .unauthorized, .authentication, .credentials: self = .unauthenticated(text)
        case .blocked, .rejectedByPolicy, .policyUnsupported, .forbidden, .configuration: self = .failedPrecondition(text)
        case .unreachable, .stalled, .slow, .tooManyRequests, .serverFailure, .untrusted: self = .unavailable(text)
        default: self = .failed(text)
        }
    }
}
