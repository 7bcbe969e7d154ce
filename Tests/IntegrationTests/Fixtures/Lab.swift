import Glibc
import Linux
import Testing

/// A registry on loopback with images of Debian's busybox, there for as long as the suite runs.
struct Lab: Sendable {
    /// Everything of the registry lies here.
    let directory: String
    /// `127.0.0.1:PORT`.
    let registry: String

    /// The image of most tests.
    var busybox: String { "\(registry)/library/busybox:1" }
    /// The same image by another tag.
    var busyboxAgain: String { "\(registry)/library/busybox:again" }
    /// Another image: two layers, and a user of its own.
    var layered: String { "\(registry)/tests/layered:1" }

    /// The lab of the suite that runs.
    @TaskLocal private static var running: Lab?

    static var current: Lab {
        get throws { try #require(running, "no lab: the suite lacks its trait") }
    }

    /// Starts a registry, fills it, runs `body` with it as the current lab, and removes it.
    static func during(_ body: @Sendable () async throws -> Void) async throws {
        let directory = try makeTemporaryDirectory()
        defer { try? Files.removeTree(directory) }
        let port = try await shell("while p=$((20000 + RANDOM % 20000)); (: <>/dev/tcp/127.0.0.1/$p) 2>/dev/null; do :; done; echo -n $p")
        let lab = Lab(directory: directory, registry: "127.0.0.1:\(port)")
        let server = try await lab.serve()
        let outcome: Result<Void, any Error>
        do {
            try await eventually("the registry answers") { (try? await shell("curl -sf http://\(lab.registry)/v2/")) != nil }
            try await lab.fill()
            try await $running.withValue(lab) { try await body() }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        try server.signal(SIGTERM)
        _ = try await server.wait()
        try outcome.get()
    }

    private func serve() async throws -> ChildProcess {
        let configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(directory)/registry}, delete: {enabled: true}}
            http: {addr: "\(registry)"}

            """
        try Files.write(configuration, creating: "\(directory)/registry.yml")
        let log = try OwnedDescriptor.open("\(directory)/registry.log", O_WRONLY | O_CREAT)
        let command = Command(
            "docker-registry", ["serve", "\(directory)/registry.yml"], environment: ["PATH": searchPath],
            descriptors: [1: log.raw, 2: log.raw])
        return try await command.spawn()
    }

    private func fill() async throws {
        let layered = #"{"Env":["PATH=/bin","FROM_IMAGE=yes"],"Cmd":["sh"],"User":"nobody","WorkingDir":"/work","StopSignal":"SIGUSR1"}"#
        try await shell(
            """
            cd \(Lab.scripts)
            ./busybox-root \(directory)/busybox
            ./push-image \(busybox) \(directory)/busybox
            ./push-image \(busyboxAgain) \(directory)/busybox
            mkdir -p \(directory)/second/work \(directory)/second/home
            echo layered >\(directory)/second/work/file
            : >\(directory)/second/home/.wh..wh..opq
            : >\(directory)/second/.wh.var
            ./push-image \(self.layered) -c '\(layered)' \(directory)/busybox \(directory)/second
            """)
    }

    /// The repository's Scripts folder.
    static let scripts = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" } + "/Scripts"
}

/// Runs a suite within a `Lab`.
struct LabTrait: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        try await Lab.during(function)
    }
}

extension Trait where Self == LabTrait {
    static var lab: Self { LabTrait() }
}
