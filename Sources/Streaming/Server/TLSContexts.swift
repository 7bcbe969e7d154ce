import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOSSL

/// The TLS context of new connections, made anew when its files have changed. Certificates are renewed while the daemon
/// runs; a file that cannot be used at some moment leaves the context that was there before.
final class TLSContexts: Sendable {
    private struct Stamp: Equatable {
        let inode: ino_t
        let size: off_t
        let seconds: Int
        let nanoseconds: Int
    }

    private struct Loaded {
        var context: NIOSSLContext
        var stamps: [Stamp?]
    }

    private let files: StreamingTLS
    private let logger: Logger
    private let loaded: NIOLockedValueBox<Loaded>

    /// Blocks.
    /// - Throws: `StreamingError.unusableCertificate`.
    init(_ files: StreamingTLS, logger: Logger) throws {
        self.files = files
        self.logger = logger
        loaded = NIOLockedValueBox(Loaded(context: try Self.load(files), stamps: Self.stamps(files)))
    }

    /// Blocks, for as long as the files take to read.
    func current() -> NIOSSLContext {
        let stamps = Self.stamps(files)
        return loaded.withLockedValue { loaded in
            guard loaded.stamps != stamps else { return loaded.context }
            loaded.stamps = stamps
            do {
                loaded.context = try Self.load(files)
                logger.info("read the streaming server's certificate again", metadata: ["file": "\(files.certificate)"])
            } catch {
                logger.error("cannot read the streaming server's changed certificate", metadata: ["error": "\(error)"])
            }
            return loaded.context
        }
    }

    private static func load(_ files: StreamingTLS) throws(StreamingError) -> NIOSSLContext {
        let chain = try using(files.certificate) { try NIOSSLCertificate.fromPEMFile(files.certificate) }
        let key = try using(files.key) { try NIOSSLPrivateKey(file: files.key, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let authority = files.authority {
            configuration.trustRoots = .certificates(try using(authority) { try NIOSSLCertificate.fromPEMFile(authority) })
            configuration.certificateVerification = .noHostnameVerification
        }
        return try using(files.certificate) { try NIOSSLContext(configuration: configuration) }
    }

    private static func using<R>(_ file: String, _ body: () throws -> R) throws(StreamingError) -> R {
        do {
            return try body()
        } catch {
            throw .unusableCertificate(file: file, reason: "\(error)")
        }
    }

    private static func stamps(_ files: StreamingTLS) -> [Stamp?] {
        [files.certificate, files.key, files.authority].map { path in
            var status = stat()
            guard let path, stat(path, &status) == 0 else { return nil }
            return Stamp(
                inode: status.st_ino, size: status.st_size, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        }
    }
}
