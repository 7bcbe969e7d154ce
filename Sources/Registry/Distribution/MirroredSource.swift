import Logging
import NIOConcurrencyHelpers
import NIOCore
import OCI

/// A repository behind its mirrors: the first endpoint that has something gives it, and is asked first from then on.
final class MirroredSource: ImageSource {
    private let endpoints: [EndpointClient]
    private let retry: RetryPolicy
    private let stallSeconds: Int
    private let floor: ProgressFloor
    private let logger: Logger
    private let checkPolicy: @Sendable () async throws -> Void
    private let preferred = NIOLockedValueBox(0)

    init(
        endpoints: [EndpointClient], retry: RetryPolicy, stallSeconds: Int, floor: ProgressFloor, logger: Logger,
        checkPolicy: @escaping @Sendable () async throws -> Void
    ) {
        (self.endpoints, self.retry, self.stallSeconds, self.logger) = (endpoints, retry, stallSeconds, logger)
        (self.floor, self.checkPolicy) = (floor, checkPolicy)
    }

    func manifest(_ reference: String) async throws -> FetchedManifest {
        try await checkPolicy()
        return try await fromFirst { try await $0.manifest(reference) }
    }

    func blob(_ descriptor: Descriptor, from offset: Int64) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        let reader = BlobReader(
            descriptor, from: offset, retry: retry, stallSeconds: stallSeconds, floor: floor, logger: logger
        ) { offset in
            try await self.fromFirst { try await $0.blob(descriptor, from: offset) }
        }
        try await reader.start()
        return AsyncThrowingStream { try await reader.next() }
    }

    /// Asks the endpoints in order, the preferred one first. The error is that of the registry itself, the last in configuration.
    private func fromFirst<Result>(_ ask: (EndpointClient) async throws -> Result) async throws -> Result {
        let first = preferred.withLockedValue { $0 }
        var mirrors: [RegistryError] = []
        var own: RegistryError?
        for index in [first] + endpoints.indices.filter({ $0 != first }) {
            do {
                let result = try await ask(endpoints[index])
                preferred.withLockedValue { $0 = index }
                return result
            } catch let error as RegistryError {
                guard endpoints[index].endpoint.isMirror else {
                    own = error
                    continue
                }
                logger.info("a mirror fails", metadata: ["mirror": "\(endpoints[index].endpoint.host)", "error": "\(error)"])
                mirrors.append(error)
            }
        }
        let error = own ?? .configuration(file: "registries.conf", problem: "there is no endpoint for the image")
        throw mirrors.isEmpty ? error : .afterMirrors(error, mirrors: mirrors)
    }
}
