import Glibc
import Linux
import Logging
import OCI
import Store

@testable import Images

/// A node's disk for one test: a directory of its own, an image service upon it that can be restarted.
final class Host: Sendable {
    let root: String
    let registry = FakeRegistry()
    private let store: Store

    init() throws {
        var template = Array("/var/tmp/swiftlet-images-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        store = try Store(path: "\(root)/store.sqlite")
    }

    deinit {
        try? Mounts.unmountAll(below: root)
        try? TreeRemoval.remove(root)
    }

    /// Starts the service, as a daemon that was just started would.
    func start(_ adjust: (inout ImageOptions) -> Void = { _ in }) async throws -> ImageService {
        var options = ImageOptions(root: "\(root)/storage", runRoot: "\(root)/run")
        adjust(&options)
        try Files.makeDirectories(options.root)
        return try await ImageService(
            options: options, store: store, source: registry,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Names below the storage's `directory`.
    func names(_ directory: String) throws -> [String] { try Files.list("\(root)/storage/\(directory)") }

    /// Pulls an image of one layer.
    /// - Returns: the layer's directory.
    func unpack(_ layer: FakeLayer) async throws -> String {
        try registry.push([layer], tag: "one")
        let service = try await start()
        _ = try await service.pull("fake.test/image:one")
        return service.content.directories.layer(layer.diffID)
    }
}

/// lstat(2).
func status(_ path: String) throws -> stat {
    var status = stat()
    try check("lstat", path) { lstat(path, &status) }
    return status
}

/// What `body` throws, as an image error.
func imageError(_ body: () async throws -> Void) async -> ImageError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ImageError
    }
}
