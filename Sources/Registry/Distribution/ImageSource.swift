import NIOCore
import OCI

/// One repository's content, as a pull sees it: mirrors, retries and authentication are behind it.
public protocol ImageSource: Sendable {
    /// - Parameter reference: a tag or a digest. What comes for a digest is verified against it.
    /// - Throws: ``RegistryError``, or `CancellationError`.
    func manifest(_ reference: String) async throws -> FetchedManifest

    /// Bytes of a blob from `offset`, as they arrive; nothing is fetched that is not read.
    ///
    /// A broken connection is resumed inside. The stream ends after exactly `descriptor.size - offset` bytes or throws
    /// ``RegistryError``; whether the bytes have the descriptor's digest is for the reader to check, as he sees them anyway.
    func blob(_ descriptor: Descriptor, from offset: Int64) async throws -> AsyncThrowingStream<ByteBuffer, any Error>
}
