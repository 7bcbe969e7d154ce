import Foundation
import Testing

@testable import DaemonConfiguration

@Suite struct ConfigurationTests {
    private func apply(_ text: String) throws -> (Configuration, [ConfigurationWarning]) {
        var configuration = Configuration()
        let warnings = try ConfigurationFile(name: "f.conf", text: text).apply(to: &configuration)
        return (configuration, warnings)
    }

    @Test func readsEveryKindOfValue() throws {
        let (configuration, warnings) = try apply(
            """
            [crio]
            root = "/r"
            [crio.runtime]
            pids_limit = 100
            read_only = true
            default_env = ["A=b", "C=d"]
            [crio.runtime.runtimes.crun]
            runtime_path = "/usr/bin/crun"
            allowed_annotations = ["run.oci."]
            """)
        #expect(warnings.isEmpty)
        #expect(configuration.crio.root == "/r")
        #expect(configuration.runtime.pidsLimit == 100 && configuration.runtime.readOnly)
        #expect(configuration.runtime.defaultEnv == ["A=b", "C=d"])
        #expect(configuration.runtime.runtimes["crun"]?.runtimePath == "/usr/bin/crun")
        #expect(configuration.runtime.runtimes["crun"]?.allowedAnnotations == ["run.oci."])
    }

    @Test func everyDefaultRendersAndLoadsBack() throws {
        var changed = Configuration()
        changed.crio.root = "/with \"quotes\"\\and\ttab"
        changed.runtime.defaultUlimits = ["nofile=1:2"]
        changed.network.pluginDirs = []
        var handler = Configuration.Handler()
        handler.runtimePath = "/x"
        changed.runtime.runtimes = ["a-b": handler]
        for configuration in [Configuration(), changed] {
            let (again, warnings) = try apply(configuration.rendered())
            #expect(again == configuration)
            #expect(warnings.isEmpty)
        }
        // Also with the defaults spelled out: each rendered value is one that its key takes.
        let explicit = Configuration().rendered().split(separator: "\n").map { line in
            line.hasPrefix("# ") && line.dropFirst(2).prefix { $0 != " " }.allSatisfy { $0.isLowercase || $0 == "_" }
                && line.contains(" = ")
                ? String(line.dropFirst(2)) : String(line)
        }.joined(separator: "\n")
        #expect(try apply(explicit).0 == Configuration())
    }

    @Test func unknownKeysAreWarningsWithTheirLine() throws {
        let (_, warnings) = try apply(
            "[crio.image]\n\nbogus = 1\n[crio.metrics]\nenable_metrics = true\n[crio]\nstorage_driver = \"vfs\"\n")
        #expect(warnings.contains(ConfigurationWarning(file: "f.conf", line: 3, message: "unknown key crio.image.bogus")))
        #expect(warnings.contains { $0.line == 4 && $0.message.contains("[crio.metrics] has no effect") })
        #expect(warnings.contains { $0.line == 7 && $0.message.contains("crio.storage_driver has no effect") })
    }

    @Test(arguments: [
        ("[crio.runtime]\npids_limit = \"many\"\n", "f.conf:2: crio.runtime.pids_limit is a string; it takes an integer"),
        (
            "[crio.runtime]\n\n  pids_limit = -2\n",
            "f.conf:3: crio.runtime.pids_limit is an integer; it takes an integer from -1 to 4194304"
        ),
        (
            "[crio.runtime]\ncgroup_manager = \"x\"\n",
            "f.conf:2: crio.runtime.cgroup_manager is a string; it takes one of \"\", \"systemd\", \"cgroupfs\""
        ),
        ("[crio.api]\nlisten = [1]\n", "f.conf:2: crio.api.listen is a list of other things than strings; it takes a string"),
        (
            "[crio.runtime.runtimes.vm]\nruntime_type = \"vm\"\n",
            "f.conf:2: crio.runtime.runtimes.vm.runtime_type is \"vm\"; it takes \"oci\""
        ),
    ])
    func wrongValuesAreErrorsWithTheirLine(_ text: String, _ message: String) {
        #expect { try apply(text) } throws: { "\($0)" == message }
    }

    @Test func tablesOfHandlersAndWorkloads() throws {
        let (configuration, warnings) = try apply(
            """
            [crio.runtime.runtimes.kata]
            default_annotations = { "a.b/c" = "d" }
            container_min_memory = "12MiB"
            container_create_timeout = 600
            no_sync_log = true
            [crio.runtime.workloads.w]
            activation_annotation = "x"
            allowed_annotations = ["y"]
            [crio.runtime.workloads.w.resources]
            cpushares = 20
            cpuset = "0-1"
            """)
        let handler = try #require(configuration.runtime.runtimes["kata"])
        #expect(handler.defaultAnnotations == ["a.b/c": "d"] && handler.containerMinMemory == "12MiB" && handler.containerCreateTimeout == 600)
        let workload = try #require(configuration.runtime.workloads["w"])
        #expect(workload.activationAnnotation == "x" && workload.allowedAnnotations == ["y"])
        #expect(workload.resources == ["cpushares": "20", "cpuset": "0-1"])
        #expect(warnings.map(\.line) == [5] && warnings.first?.message.contains("no_sync_log has no effect") == true)
        #expect(try apply(configuration.rendered()).0 == configuration)
        #expect(throws: ConfigurationError.self) { try apply("[crio.runtime.workloads.w]\nresources = { cpuset = [1] }\n") }
        #expect(throws: ConfigurationError.self) { try apply("[crio.runtime.workloads.w]\nactivation_annotation = 1\n") }
        var running = Configuration()
        #expect(running.reload(from: configuration).changed == ["crio.runtime.runtimes", "crio.runtime.workloads"])
        #expect(running == configuration)
    }

    @Test func whatIsNoTOMLIsAnError() {
        for text in ["[crio", "a = ", "\u{0}", "x = 1\nx = 2", "[crio]\nroot = 'a\n"] {
            #expect(throws: ConfigurationError.self) { try apply(text) }
        }
    }

    @Test func dropInsComeInOrder() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "swiftlet-conf-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for (name, root) in [("20-b.conf", "/b"), ("10-a.conf", "/a"), ("30-c.txt", "/c")] {
            try "[crio]\nroot = \"\(root)\"\n".write(to: directory.appending(path: name), atomically: true, encoding: .utf8)
        }
        let (configuration, _) = try Configuration.load(file: "/nonexistent/f", directory: directory.path)
        #expect(configuration.crio.root == "/b")
    }

    @Test func aReloadTakesWhatMayChange() {
        var running = Configuration()
        var new = Configuration()
        new.runtime.pidsLimit = 7
        new.crio.root = "/elsewhere"
        let (changed, refused) = running.reload(from: new)
        #expect(changed == ["crio.runtime.pids_limit"] && refused == ["crio.root"])
        #expect(running.runtime.pidsLimit == 7 && running.crio.root == Configuration().crio.root)
    }

    @Test func keysAreUniqueAndDocumented() {
        let paths = ConfigurationKey.all.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(ConfigurationKey.all.allSatisfy { $0.documentation.hasSuffix(".") || $0.documentation.contains("\"") })
        #expect(Set(paths).isDisjoint(with: ConfigurationKey.withoutEffect.keys))
    }
}
