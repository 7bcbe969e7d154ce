import CRI
import Images
import Linux
import Registry

extension Node {
    /// Pulls an image. CRI, PullImage.
    /// - Returns: the image's id.
    public func pullImage(_ image: String, credentials: RegistryCredentials?, namespace: String?) async throws -> String {
        do { return try await images.pull(image, credentials: credentials, namespace: namespace).id } catch {
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
        guard let image = try await image(name) else { return }
        if let user = inventory.containers().first(where: { $0.imageID == image.id || $0.imageVolumes.contains(image.id) }),
            image.repoTags.count < 2 || name.hasPrefix("sha256:") || image.id.hasSuffix(name)
        {
            throw NodeError.failedPrecondition("image \(name) is used by container \(user.key): remove that first")
        }
        do { try await images.remove(name) } catch { throw nodeError(error, "removing \(name)") }
    }

    /// What images and containers take on their file systems. CRI, ImageFsInfo.
    public func imageFileSystems() async throws -> (
        images: [Runtime_V1_FilesystemUsage], containers: [Runtime_V1_FilesystemUsage]
    ) {
        let images = await images.usage()
        let containers = try await rootFileSystems.totalUsage()
        func usage(_ path: String, _ bytes: UInt64, _ inodes: UInt64) -> Runtime_V1_FilesystemUsage {
            .with {
                $0.timestamp = Node.now()
                $0.fsID.mountpoint = path
                $0.usedBytes.value = bytes
                $0.inodesUsed.value = inodes
            }
        }
        return ([usage(images.path, images.bytes, images.inodes)], [usage(containers.path, containers.bytes, containers.inodes)])
    }
}

extension NodeError {
    /// An image's failure as the caller is to see it.
    init(_ error: ImageError) {
        switch error {
        case .notFound: self = .notFound("\(error)")
        case .invalidReference, .unsupportedMediaType, .noMatchingPlatform, .ambiguous: self = .invalidArgument("\(error)")
        case .registry(_, let cause): self = NodeError(cause.root, "\(error)")
        case .system(_, let cause) where cause.code == 28 || cause.code == 122: self = .resourceExhausted("\(error): free space there")
        default: self = .failed("\(error)")
        }
    }

    private init(_ cause: RegistryError, _ text: String) {
        switch cause {
        case .notFound: self = .notFound(text)
        case .shortNameUnresolved, .shortNameAmbiguous: self = .invalidArgument(text)
        case .unauthorized, .authentication, .credentials: self = .unauthenticated(text)
        case .blocked, .rejectedByPolicy, .policyUnsupported, .forbidden, .configuration: self = .failedPrecondition(text)
        case .unreachable, .stalled, .tooManyRequests, .serverFailure, .untrusted: self = .unavailable(text)
        default: self = .failed(text)
        }
    }
}
