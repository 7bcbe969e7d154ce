import Glibc
import Linux
import Logging
import OCI
import Registry
import Store
import Testing
@testable import Images

@Suite struct PerfTmpTests {
    @Test(.enabled(if: getenv("IMAGES_PERF") != nil)) func perf() async throws {
        var options = RegistryOptions()
        options.registriesFile = "/work/h/registries.conf"
        let registry = try RegistryClient(options: options, logger: Logger(label: "x"))
        for _ in 0..<3 {
            let host = try Host()
            let service = try await ImageService(
                options: ImageOptions(root: "\(host.root)/storage", runRoot: "\(host.root)/run"), store: try Store(path: "\(host.root)/s.sqlite"),
                registry: registry, logger: Logger(label: "perf"))
            let start = ContinuousClock.now
            var before = rusage(); getrusage(0, &before)
            _ = try await service.pull("127.0.0.1:5000/lab/python:3") { if $0.phase == .done { print($0, ContinuousClock.now - start) } }
            var after = rusage(); getrusage(0, &after)
            print("pull took", ContinuousClock.now - start, "user", after.ru_utime.tv_sec - before.ru_utime.tv_sec, "sys", Double(after.ru_stime.tv_sec - before.ru_stime.tv_sec) + Double(after.ru_stime.tv_usec - before.ru_stime.tv_usec)/1e6)
            print(try await service.usage())
            let roots = RootFilesystems(images: service)
            let image = try await service.list()[0]
            let t = ContinuousClock.now
            let path = try await roots.prepare("c1", image: image)
            print("prepare", ContinuousClock.now - t, try Files.list(path).joined(separator: " "))
            let t2 = ContinuousClock.now
            try await roots.remove("c1")
            print("remove", ContinuousClock.now - t2)
        }
        await registry.shutdown()
    }
}
