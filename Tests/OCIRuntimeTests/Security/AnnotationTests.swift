import Testing

@testable import OCIRuntime

@Suite struct AnnotationTests {
    @Test func onlyWhatIsAllowedIsSeen() {
        let annotations = ["umask.crio.io": "077", "io.kubernetes.cri-o.ShmSize": "1Mi"]
        #expect(AllowedAnnotations(annotations, allowed: []).value(.umask) == nil)
        #expect(AllowedAnnotations(annotations, allowed: [""]).value(.umask) == nil)
        #expect(AllowedAnnotations(annotations, allowed: ["shm-size.crio.io"]).value(.umask) == nil)
        #expect(AllowedAnnotations(annotations, allowed: ["umask.crio.io"]).value(.umask) == "077")
        // Either name allows both, and so does a beginning.
        #expect(AllowedAnnotations(annotations, allowed: ["io.kubernetes.cri-o.umask"]).value(.umask) == "077")
        #expect(AllowedAnnotations(annotations, allowed: ["shm-size.crio.io"]).value(.shmSize) == "1Mi")
        #expect(AllowedAnnotations(annotations, allowed: ["io.kubernetes.cri-o."]).value(.shmSize) == "1Mi")
        let both = ["umask.crio.io": "1", "io.kubernetes.cri-o.umask": "2"]
        #expect(AllowedAnnotations(both, allowed: ["umask.crio.io"]).value(.umask) == "1")
    }

    private func build(_ annotations: [String: String], v2: Bool = true, allowed: Bool = true) throws -> Sample {
        var sample = Sample()
        sample.host.cgroupV2 = v2
        sample.annotations = AllowedAnnotations(annotations, allowed: allowed ? ["io.kubernetes.cri-o.", "umask.crio.io"] : [])
        return sample
    }

    @Test func umask() throws {
        #expect(try build([:]).build().process?.user.umask == nil)
        #expect(try build(["umask.crio.io": "0077"]).build().process?.user.umask == 0o77)
        #expect(try build(["umask.crio.io": "0077"], allowed: false).build().process?.user.umask == nil)
        for bad in ["8", "00000", "-1", "rwx", "0x1", "٧"] { #expect(throws: SpecError.self) { try build(["umask.crio.io": bad]).build() } }
    }

    @Test func writableCgroups() throws {
        func access(_ annotations: [String: String], v2: Bool = true, allowed: Bool = true) throws -> String? {
            try build(annotations, v2: v2, allowed: allowed).build().mounts?.first { $0.destination == "/sys/fs/cgroup" }?.options?.last
        }
        let annotation = ["cgroup2-mount-hierarchy-rw.crio.io": "true"]
        #expect(try access([:]) == "ro" && access(annotation) == "rw")
        #expect(try access(["io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw": "true"]) == "rw")
        #expect(try access(annotation, v2: false) == "ro" && access(annotation, allowed: false) == "ro")
        #expect(try access(["cgroup2-mount-hierarchy-rw.crio.io": "yes"]) == "ro")
    }

    @Test func unifiedCgroup() throws {
        func unified(_ annotations: [String: String], _ container: String = "c") throws -> [String: String] {
            try AllowedAnnotations(annotations, allowed: ["unified-cgroup.crio.io"]).unified(container: container)
        }
        #expect(try unified(["unified-cgroup.crio.io/c": "memory.high=1000000;memory.low=bWF4"]) == ["memory.high": "1000000", "memory.low": "max"])
        #expect(try unified(["io.kubernetes.cri-o.UnifiedCgroup.c": "pids.max=max;"]) == ["pids.max": "max"])
        #expect(try unified(["unified-cgroup.crio.io/other": "pids.max=1"]) == [:])
        for bad in ["x", "=1", "memory=1", "../x.y=1"] { #expect(throws: SpecError.self) { try unified(["unified-cgroup.crio.io/c": bad]) } }
    }

    @Test func maskedPathsComeWithTheStandardOnesOrNotAtAll() {
        #expect(MaskedPaths.resolved([]) == [])
        let paths = MaskedPaths.resolved(["/proc/kcore", "/mine"])
        #expect(paths.prefix(2) == ["/proc/kcore", "/mine"] && paths.contains("/sys/firmware"))
        #expect(Set(paths).count == paths.count)
    }
}
