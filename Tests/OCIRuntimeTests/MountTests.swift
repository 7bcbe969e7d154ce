import CRI
import Linux
import OCI
import Testing

@testable import OCIRuntime

@Suite struct MountTests {
    private func mount(_ path: String, _ change: (inout Runtime_V1_Mount) -> Void = { _ in }) -> ResolvedMount {
        var mount = Runtime_V1_Mount()
        mount.containerPath = path
        mount.hostPath = "/host"
        change(&mount)
        return ResolvedMount(mount: mount, source: "/host")
    }

    private func destinations(_ sample: Sample) throws -> [String] { try #require(try sample.build().mounts).map(\.destination) }

    @Test func whatEveryContainerHas() throws {
        let mounts = try #require(try Sample().build().mounts)
        #expect(
            mounts.map(\.destination) == [
                "/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/dev/shm", "/etc/resolv.conf", "/etc/hostname",
            ])
        #expect(mounts.first { $0.destination == "/sys/fs/cgroup" }?.options == ["nosuid", "noexec", "nodev", "relatime", "ro"])
        #expect(
            mounts.last
                == .init(
                    destination: "/etc/hostname", type: "bind", source: "/p/hostname", options: ["bind", "nodev", "nosuid", "noexec", "rw"]))
    }

    @Test func requestedMountsWinAndLieByDepth() throws {
        var sample = Sample()
        sample.mounts = [mount("/a/b/c"), mount("/a//"), mount("/etc/resolv.conf"), mount("/x/../a/b") { $0.readonly = true }]
        let mounts = try #require(try sample.build().mounts)
        #expect(mounts.suffix(4).map(\.destination) == ["/a", "/etc/resolv.conf", "/a/b", "/a/b/c"])
        #expect(mounts.filter { $0.destination == "/etc/resolv.conf" }.map(\.source) == ["/host"])
        #expect(mounts.first { $0.destination == "/a/b" }?.options == ["rbind", "rprivate", "ro"])
        #expect(mounts.first { $0.destination == "/dev/shm" }?.source == "/p/shm")
    }

    @Test func ofTwoAtOnePathTheLaterLiesOnTop() throws {
        var sample = Sample()
        sample.mounts = [mount("/a"), mount("/a/")]
        sample.mounts[1].source = "/other"
        #expect(try sample.build().mounts?.suffix(2).map(\.source) == ["/host", "/other"])
    }

    @Test func devicesAndSysfsOfTheRequestComeAsTheyAre() throws {
        var sample = Sample()
        sample.mounts = [mount("/dev"), mount("/sys/")]
        #expect(try destinations(sample) == ["/proc", "/etc/resolv.conf", "/etc/hostname", "/dev", "/sys"])
        sample.mounts = [mount("/dev/shm")]
        #expect(try destinations(sample).filter { $0.hasPrefix("/dev") } == ["/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"])
    }

    @Test func theHostsNamesHoldOnTheHostsNetwork() throws {
        var sample = Sample()
        sample.namespaces.net = nil
        #expect(try sample.build().mounts?.last?.destination == "/etc/hosts")
        // The host's own.
        #expect(try sample.build().mounts?.last?.options?.last == "ro")
        sample.host.hasHostsFile = false
        #expect(try !destinations(sample).contains("/etc/hosts"))
        sample.host.hasHostsFile = true
        sample.mounts = [mount("/etc/hosts")]
        #expect(try sample.build().mounts?.filter { $0.destination == "/etc/hosts" }.map(\.source) == ["/host"])
    }

    @Test func aReadOnlyRootTakesThePodsFilesAlong() throws {
        var sample = Sample()
        sample.config.linux.securityContext.readonlyRootfs = true
        #expect(try sample.build().mounts?.last?.options?.last == "ro")
        #expect(try !destinations(sample).contains("/tmp"))
        sample.config.linux.securityContext.readonlyRootfs = false
        sample.settings.readOnly = true
        let spec = try sample.build()
        #expect(spec.root?.readonly == true)
        #expect(spec.mounts?.first { $0.destination == "/etc/hostname" }?.options?.last == "ro")
        #expect(spec.mounts?.suffix(3).map(\.destination) == ["/run", "/tmp", "/var/tmp"])
        #expect(spec.mounts?.last?.options == ["rw", "noexec", "nosuid", "nodev", "tmpcopyup", "mode=1777"])
        sample.mounts = [mount("/tmp")]
        #expect(try sample.build().mounts?.filter { $0.destination == "/tmp" }.map(\.source) == ["/host"])
    }

    @Test func propagationReachesTheRoot() throws {
        var sample = Sample()
        #expect(try sample.build().linux?.rootfsPropagation == nil)
        sample.mounts = [mount("/a") { $0.propagation = .propagationHostToContainer }]
        #expect(try sample.build().linux?.rootfsPropagation == "rslave")
        sample.mounts.append(mount("/b") { $0.propagation = .propagationBidirectional })
        let spec = try sample.build()
        #expect(spec.linux?.rootfsPropagation == "rshared")
        #expect(spec.mounts?.last?.options == ["rbind", "rshared", "rw"])
    }

    @Test func propagationNeedsASharedMount() throws {
        let table = [
            "1 0 8:1 / / rw - ext4 /dev/a rw", "2 1 8:2 / /shared rw shared:1 - ext4 /dev/b rw",
            "3 1 8:3 / /slave rw master:1 - ext4 /dev/c rw",
        ]
        .compactMap { MountEntry(line: $0) }
        let bidirectional = mount("/x") { $0.propagation = .propagationBidirectional }.mount
        let down = mount("/x") { $0.propagation = .propagationHostToContainer }.mount
        try Propagation.check(bidirectional, source: "/shared/sub", table: table)
        try Propagation.check(down, source: "/slave", table: table)
        #expect(throws: SpecError.self) { try Propagation.check(bidirectional, source: "/slave", table: table) }
        #expect(throws: SpecError.self) { try Propagation.check(down, source: "/sharedness", table: table) }
    }

    @Test func recursiveReadOnlyNeedsTheHostsHelp() throws {
        var sample = Sample()
        sample.mounts = [
            mount("/x") {
                $0.recursiveReadOnly = true
                $0.readonly = true
                $0.mountOptions = ["noexec", "nosuid"]
            }
        ]
        #expect(try sample.build().mounts?.last?.options == ["rbind", "rprivate", "rro", "noexec", "nosuid"])
        sample.recursiveReadOnly = false
        #expect { try sample.build() } throws: { if case SpecError.unsupported = $0 { true } else { false } }
    }

    @Test func idsOfAMountAreMapped() throws {
        var sample = Sample()
        let mapping = Runtime_V1_IDMapping.with {
            $0.hostID = 1000
            $0.length = 10
        }
        sample.mounts = [
            mount("/x") {
                $0.uidMappings = [mapping]
                $0.gidMappings = [mapping]
            }
        ]
        let result = try #require(try sample.build().mounts?.last)
        #expect(result.uidMappings == [.init(containerID: 0, hostID: 1000, size: 10)] && result.gidMappings == result.uidMappings)
    }
}

private let image = Runtime_V1_Mount.with {
    $0.containerPath = "/x"
    $0.readonly = true
    $0.image.image = "i"
}

private let host = Runtime_V1_Mount.with {
    $0.containerPath = "/x"
    $0.hostPath = "/host"
}

@Suite struct MountCheckTests {
    @Test(arguments: [
        host, image, host.changed { $0.mountOptions = ["nodev"] }, image.changed { $0.imageSubPath = "a/b" },
        host.changed { $0.propagation = .propagationBidirectional }, image.changed { $0.propagation = .propagationHostToContainer },
        host.changed { ($0.readonly, $0.recursiveReadOnly) = (true, true) },
    ])
    func whatCanBe(_ mount: Runtime_V1_Mount) throws { try MountCheck.check([mount]) }

    @Test(arguments: [
        (host.changed { $0.containerPath = "" }, "not absolute"), (host.changed { $0.containerPath = "x" }, "not absolute"),
        (host.changed { $0.hostPath = "" }, "neither a host path nor an image"), (host.changed { $0.hostPath = "a/b" }, "not absolute"),
        (host.changed { $0.propagation = .UNRECOGNIZED(7) }, "unknown propagation 7"),
        (host.changed { $0.recursiveReadOnly = true }, "without being read-only"),
        (
            host.changed {
                ($0.readonly, $0.recursiveReadOnly) = (true, true)
                $0.propagation = .propagationHostToContainer
            }, "needs private propagation"
        ),
        (host.changed { $0.mountOptions = ["nodev", "rw"] }, "the option 'rw'"), (host.changed { $0.imageSubPath = "a" }, "no image"),
        (image.changed { $0.readonly = false }, "is not read-only"), (image.changed { $0.propagation = .propagationBidirectional }, "bidirectional"),
        (image.changed { $0.imageSubPath = "/a" }, "not a path below"), (image.changed { $0.imageSubPath = "a/../../b" }, "not a path below"),
    ])
    func whatCannotBe(_ mount: Runtime_V1_Mount, _ reason: String) {
        #expect { try MountCheck.check([host, mount]) } throws: {
            if case SpecError.invalid(let text) = $0 { text.contains(reason) } else { false }
        }
    }
}

extension Runtime_V1_Mount {
    fileprivate func changed(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}
