import CRI
import Foundation
import OCI
import Testing

@testable import OCIRuntime

@Suite struct ConfiguredPartsTests {
    @Test func timeZoneAndDefaultMountsComeBeforeTheRequests() throws {
        var sample = Sample()
        #expect(try sample.build().mounts?.contains { $0.destination == "/etc/localtime" } == false)
        sample.settings.timezoneFile = "/zones/Tokyo"
        sample.configuredMounts = [.init(destination: "/run/secret", type: "bind", source: "/copy", options: ["bind", "rprivate"])]
        let mounts = try #require(try sample.build().mounts)
        #expect(
            mounts.suffix(2) == [
                .init(
                    destination: "/etc/localtime", type: "bind", source: "/zones/Tokyo", options: ["bind", "nodev", "nosuid", "noexec", "ro"]),
                .init(destination: "/run/secret", type: "bind", source: "/copy", options: ["bind", "rprivate"]),
            ])
        var own = Runtime_V1_Mount()
        (own.containerPath, own.hostPath) = ("/run/secret/", "/mine")
        sample.mounts = [ResolvedMount(mount: own, source: "/mine")]
        #expect(try sample.build().mounts?.filter { $0.destination == "/run/secret" }.map(\.source) == ["/mine"])
    }

    @Test func capabilitiesAreInheritableWhereAskedFor() throws {
        var sample = Sample()
        sample.settings.inheritableCapabilities = true
        let capabilities = try #require(try sample.build().process?.capabilities)
        #expect(capabilities.inheritable == capabilities.bounding && capabilities.inheritable?.isEmpty == false)
        #expect(capabilities.ambient == [])
    }

    @Test func memoryBelowTheHandlersLeastIsRefused() throws {
        var sample = Sample()
        sample.leastMemory = 16 << 20
        _ = try sample.build()
        sample.config.linux.resources.memoryLimitInBytes = 8 << 20
        #expect(throws: SpecError.self) { try sample.build() }
        sample.config.linux.resources.memoryLimitInBytes = 16 << 20
        #expect(try sample.build().linux?.resources?.memory?.limit == 16 << 20)
    }

    @Test func classesAreInTheSpecification() throws {
        var sample = Sample()
        sample.closID = "gold"
        sample.blockIO = .init()
        sample.blockIO?.throttleReadBpsDevice = [.init(major: 8, minor: 0, rate: 7)]
        let linux = try #require(try sample.build().linux)
        #expect(linux.intelRdt == .init(closID: "gold") && linux.resources?.blockIO == sample.blockIO)
        sample.blockIO?.weight = 50
        #expect(throws: SpecError.self) { try sample.build() }
        sample.host.blockIOWeights = true
        #expect(try sample.build().linux?.resources?.blockIO?.weight == 50)
    }

    @Test func defaultMountsAreLinesWithSlashes() {
        let text = "# comment\n/a:/b\n  /c/d  \nrelative:/x\n/a:relative\n\n/e : /f/../g/\n:\n"
        #expect(
            DefaultMounts(text: text).entries == [
                .init(source: "/a", destination: "/b"), .init(source: "/c/d", destination: "/c/d"), .init(source: "/e", destination: "/g"),
            ])
    }

    @Test func zonesAreFilesOfTheDatabase() throws {
        #expect(try TimeZoneFile.find("") == nil)
        let directory = FileManager.default.temporaryDirectory.appending(path: "swiftlet-zones-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FileManager.default.createDirectory(atPath: "\(directory)/Area", withIntermediateDirectories: true)
        try Data("TZif2".utf8).write(to: URL(filePath: "\(directory)/Area/City"))
        try Data("text".utf8).write(to: URL(filePath: "\(directory)/list.tab"))
        #expect(try TimeZoneFile.find("Area/City", database: directory) == "\(directory)/Area/City")
        #expect(try TimeZoneFile.find("LOCAL", database: directory, local: "\(directory)/Area/City") == "\(directory)/Area/City")
        for bad in ["Area", "list.tab", "None", "../\(directory)/Area/City", "/Area/City", "Area/./City"] {
            #expect(throws: SpecError.self, "\(bad)") { try TimeZoneFile.find(bad, database: directory) }
        }
    }
}

@Suite struct WorkloadTests {
    private func sample(_ resources: [String: String], _ annotations: [String: String]) throws -> Sample {
        var sample = Sample()
        sample.config.metadata.name = "c"
        sample.config.linux.resources.cpuShares = 512
        sample.config.linux.resources.cpusetMems = "0"
        sample.sandbox.annotations = annotations
        sample.settings.workloads = [try Workload(name: "w", activationAnnotation: "on", annotationPrefix: "p", resources: resources)]
        return sample
    }

    @Test func onlyPodsWithTheAnnotationBelongToIt() throws {
        let limits = ["cpushares": "20", "cpuset": "0-1", "cpuquota": "3000", "cpuperiod": "2000"]
        #expect(try sample(limits, [:]).build().linux?.resources?.cpu?.shares == 512)
        let cpu = try #require(try sample(limits, ["on": "any"]).build().linux?.resources?.cpu)
        #expect(cpu.shares == 20 && cpu.cpus == "0-1" && cpu.quota == 3000 && cpu.period == 2000 && cpu.mems == "0")
    }

    @Test func annotationsWinForTheirContainer() throws {
        func cpu(_ annotations: [String: String]) throws -> Spec.CPU? {
            try sample(["cpushares": "20", "cpuset": "0"], annotations.merging(["on": ""]) { $1 }).build().linux?.resources?.cpu
        }
        #expect(try cpu(["p/other": #"{"cpushares": 30}"#])?.shares == 20)
        #expect(try cpu(["p/c": #"{"cpushares": 30}"#])?.shares == 30)
        #expect(try cpu(["p/c": #"{"cpushares": "30", "cpuset": ""}"#])?.cpus == nil)
        #expect(try cpu(["p.cpushares/c": "40"])?.shares == 40)
        #expect(try cpu(["p/c": #"{"cpulimit": 250}"#])?.quota == 25_000)
        #expect(try cpu(["p/c": #"{"cpulimit": 250, "cpuperiod": 50000}"#])?.quota == 12_500)
        #expect(try cpu(["p/c": #"{"cpulimit": 1}"#])?.quota == 1000)
        for bad in ["", "[]", #"{"cpushares": -1}"#, #"{"cpuset": "x"}"#, #"{"memory": 1}"#, #"{"cpushares": [1]}"#] {
            #expect(throws: SpecError.self, "\(bad)") { try cpu(["p/c": bad]) }
        }
    }

    @Test(arguments: [
        ["cpuset": "1-0"], ["cpuset": "0,"], ["cpushares": "x"], ["cpuperiod": "999"], ["cpuquota": "10", "cpushares": "20"],
        ["unknown": "1"], ["cpulimit": "9223372036854775807"],
    ])
    func whatCannotBeIsRefusedAtStart(_ resources: [String: String]) {
        #expect(throws: SpecError.self) { try Workload(name: "w", activationAnnotation: "a", resources: resources) }
        #expect(throws: SpecError.self) { try Workload(name: "w", activationAnnotation: "") }
    }

    @Test func theFirstByNameCounts() throws {
        let both = [try Workload(name: "b", activationAnnotation: "on"), try Workload(name: "a", activationAnnotation: "on")]
        #expect(Workload.active(in: both, ["on": ""])?.name == "a" && Workload.active(in: both, ["off": ""]) == nil)
    }
}

@Suite struct ClassTests {
    private let file = """
        classes:
          Low:
          - Weight: 80
          - devices: ["/dev/sd*"]
            throttleReadBps: 50M
            ThrottleWriteIOPS: 10k
            weight: 50
          - Devices: [/dev/sda]
            ThrottleReadBps: 1Mi
          Empty: []
        """

    @Test func laterEntriesWinForTheirDevices() throws {
        let classes = try BlockIOClasses(yaml: file, source: "f")
        #expect(classes.names == ["Empty", "Low"])
        let low = try classes.parameters(of: "Low") { $0 == "/dev/sda" ? [(8, 0)] : [(8, 0), (8, 16)] }
        #expect(low.weight == 80 && low.weightDevice == [.init(major: 8, minor: 0, weight: 50), .init(major: 8, minor: 16, weight: 50)])
        #expect(
            low.throttleReadBpsDevice == [.init(major: 8, minor: 16, rate: 50_000_000), .init(major: 8, minor: 0, rate: 1 << 20)])
        #expect(low.throttleWriteIOPSDevice?.map(\.rate) == [10_000, 10_000] && low.throttleWriteBpsDevice == nil)
        #expect(try classes.parameters(of: "Empty") { _ in [] } == .init())
        #expect { try classes.parameters(of: "None") { _ in [] } } throws: { "\($0)".contains("Empty, Low") }
        #expect(try BlockIOClasses(yaml: "", source: "f").names.isEmpty)
    }

    @Test(arguments: [
        "[", "- a", "other: {}", "classes: [a]", "classes: {a: b}", "classes: {a: [b]}", "classes: {a: [{weight: 5}]}",
        "classes: {a: [{weight: x}]}", "classes: {a: [{throttleReadBps: 5M}]}", "classes: {a: [{devices: x}]}",
        "classes: {a: [{devices: [/x], speed: 5}]}", "classes: {a: [{devices: [/x], throttleReadBps: 99999999999T}]}",
    ])
    func whatIsNoBlockIOFileIsAnError(_ text: String) {
        #expect { try BlockIOClasses(yaml: text, source: "/the/file") } throws: { "\($0)".contains("/the/file") }
    }

    @Test func annotationsInOrderOfPrecedence() {
        let pod = ["blockio.resources.beta.kubernetes.io/pod": "P", "blockio.resources.beta.kubernetes.io/container.c": "C"]
        #expect(ClassAnnotations.blockIO.find("c", container: ["io.kubernetes.cri.blockio-class": "own"], pod: pod)?.name == "own")
        #expect(ClassAnnotations.blockIO.find("c", container: [:], pod: pod)?.name == "C")
        #expect(ClassAnnotations.blockIO.find("d", container: [:], pod: pod)?.name == "P")
        #expect(ClassAnnotations.rdt.find("c", container: [:], pod: pod) == nil)
    }

    @Test func classesOfRDT() throws {
        let text = """
            partitions:
              one:
                classes:
                  gold: {l3Allocation: "60%"}
                  silver: {kubernetes: {denyPodAnnotation: true}}
              two: {classes: {bronze: }}
            """
        let classes = try RDTClasses(yaml: text, source: "f")
        #expect(classes.names == ["bronze", "gold", "silver"])
        #expect(try classes.closID("gold", by: .pod) { $0 == "gold" } == "gold")
        #expect(try classes.closID("silver", by: .container) { _ in true } == "silver")
        #expect(try classes.closID("system/default", by: .pod) { _ in false } == nil)
        #expect(throws: SpecError.self) { try classes.closID("silver", by: .pod) { _ in true } }
        #expect(throws: SpecError.self) { try classes.closID("gold", by: .pod) { _ in false } }
        #expect(throws: SpecError.self) { try classes.closID("none", by: .pod) { _ in true } }
    }

    @Test(arguments: ["[", "x", "partitions: 1", "partitions: {a: {classes: {../x: }}}", "partitions: {a: {classes: {x: }}, b: {classes: {x: }}}"])
    func whatIsNoRDTFileIsAnError(_ text: String) {
        #expect(throws: SpecError.self) { try RDTClasses(yaml: text, source: "f") }
    }
}
