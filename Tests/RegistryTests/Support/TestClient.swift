import FoundationEssentials
import Logging
import NIOCore
import OCI

@testable import Registry

/// Options that touch nothing of the host and that wait for nothing longer than a test may.
func testOptions(_ registries: String = "", in directory: TemporaryDirectory) throws -> RegistryOptions {
    var options = RegistryOptions()
    options.registriesFile = try directory.write(registries, to: "registries.conf")
    options.registriesDirectory = "\(directory.path)/registries.conf.d"
    options.certificateDirectories = ["\(directory.path)/certs.d"]
    options.policyFile = try directory.write("{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}", to: "policy.json")
    options.connectTimeout = .seconds(5)
    options.retry = RetryPolicy(attempts: 3, firstPause: .milliseconds(2), longestPause: .seconds(2))
    return options
}

/// Runs a body with a client, and shuts the client down whatever happens.
func withClient<Result>(_ options: RegistryOptions, _ body: (RegistryClient) async throws -> Result) async throws -> Result {
    let client = try RegistryClient(options: options, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// Runs a body with a source for `repository` on a test server, which is marked insecure.
func withSource<Result>(
    _ server: TestServer, _ repository: String = "team/app:v1", credentials: RegistryCredentials? = nil, namespace: String? = nil,
    stall: Duration = .seconds(5), attempts: Int = 3, authFiles: [String] = [], _ body: (any ImageSource) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory()
    var options = try testOptions("[[registry]]\nlocation = '\(server.host)'\ninsecure = true", in: directory)
    (options.stallTimeout, options.retry.attempts, options.authFiles) = (stall, attempts, authFiles)
    let result = try await withClient(options) { client in
        try await body(
            client.source(for: ImageReference(normalized: "\(server.host)/\(repository)"), credentials: credentials, namespace: namespace))
    }
    await server.stop()
    return result
}

extension AsyncThrowingStream where Element == ByteBuffer {
    func bytes() async throws -> [UInt8] {
        var all: [UInt8] = []
        for try await piece in self { all += piece.readableBytesView }
        return all
    }
}

func noise(_ count: Int) -> [UInt8] {
    var random = SplitMix(state: UInt64(count))
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
}

func descriptor(_ bytes: [UInt8]) -> Descriptor {
    Descriptor(mediaType: MediaType.ociLayerGzip, digest: sha256(bytes), size: Int64(bytes.count))
}
