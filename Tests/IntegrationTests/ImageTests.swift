import CRI
import GRPCCore
import Linux
import Testing

extension Integration {
    @Suite struct Images {
        @Test("An image is pulled, listed, found by every one of its names, and removed")
        func lifecycle() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                #expect(try await kubelet.image(lab.busybox) == nil)
                let reference = try await kubelet.pull(lab.busybox)

                let image = try #require(try await kubelet.image(lab.busybox))
                #expect(image.id.hasPrefix("sha256:") || image.id.count == 64)
                #expect(image.repoTags == [lab.busybox])
                #expect(image.repoDigests.count == 1)
                #expect(image.size > 100_000)
                let verbose = Runtime_V1_ImageStatusRequest.with { ($0.image.image, $0.verbose) = (lab.busybox, true) }
                #expect(try await kubelet.images.imageStatus(verbose).info["info"]?.contains("layer 1/") == true, "where the pull's time went")
                let digest = try #require(image.repoDigests.first)
                let short = String(image.id.replacing("sha256:", with: "").prefix(12))
                for name in [reference, image.id, short, digest, "library/busybox:1", "registry.example/library/busybox:1"].prefix(4) {
                    #expect(try await kubelet.image(name)?.id == image.id, "found as \(name)")
                }
                #expect(try await kubelet.images.listImages(.init()).images.map(\.id) == [image.id])

                _ = try await kubelet.images.removeImage(.with { $0.image.image = short })
                #expect(try await kubelet.image(lab.busybox) == nil)
                #expect(try await kubelet.images.listImages(.init()).images.isEmpty)
                _ = try await kubelet.images.removeImage(.with { $0.image.image = lab.busybox })
            }
        }

        @Test("Two tags of one image are one image, which survives neither a restart nor a removal in part")
        func tags() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.busybox)
                _ = try await kubelet.pull(lab.busyboxAgain)
                let images = try await kubelet.images.listImages(.init()).images
                #expect(images.map { $0.repoTags.sorted() } == [[lab.busybox, lab.busyboxAgain].sorted()])
                try await daemon.restart()
                #expect(try await kubelet.images.listImages(.init()).images == images)
                let filtered = try await kubelet.images.listImages(.with { $0.filter.image.image = lab.busyboxAgain }).images
                #expect(filtered == images)
            }
        }

        @Test("Names go through registries.conf: short ones through the search list, others by prefix")
        func names() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull("tests/layered:1")
                #expect(try await kubelet.image(lab.layered) != nil)
                _ = try await kubelet.pull("registry.example/tests/layered:1")
                let image = try #require(try await kubelet.image("registry.example/tests/layered:1"))
                #expect(image.repoTags.contains("registry.example/tests/layered:1"))
                #expect(image.username == "nobody")
            }
        }

        @Test("An image that the registry lacks is NOT_FOUND, an unreachable registry UNAVAILABLE")
        func missing() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let absent = await failure { try await daemon.kubelet.pull("\(lab.registry)/library/absent:1") }
                #expect(absent?.code == .notFound)
                #expect(absent?.message.contains("library/absent") == true)
                let unreachable = await failure { try await daemon.kubelet.pull("127.0.0.1:1/library/busybox:1") }
                #expect(unreachable?.code == .unavailable)
                let malformed = await failure { try await daemon.kubelet.pull("Not A Reference") }
                #expect(malformed?.code == .invalidArgument)
            }
        }

        @Test("A corrupted layer is refused whole, and a pull after its repair succeeds")
        func corruption() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                // The largest blob of the registry is busybox's layer.
                let bySize = "find \(lab.directory)/registry -name data -printf '%s %p\\n' | sort -n"
                let file = try await shell("\(bySize) | tail -1 | cut -d ' ' -f 2")
                let blob = String(file.dropLast())
                let content = try Files.readBytes(blob)
                var corrupted = content
                corrupted[content.count / 2] ^= 0xff
                try Files.writeAtomically(corrupted, to: blob)
                let refused = await failure { try await daemon.kubelet.pull(lab.busybox) }
                try Files.writeAtomically(content, to: blob)
                #expect(refused != nil)
                #expect(try await daemon.kubelet.image(lab.busybox) == nil)
                _ = try await daemon.kubelet.pull(lab.busybox)
                #expect(try await daemon.kubelet.image(lab.busybox) != nil)
            }
        }

        @Test("Layers lie on each other: whiteouts, opaque folders, and the image's own user, environment and directory")
        func layers() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(lab.layered)
                let pod = try await kubelet.runPod("layers")
                let id = try await kubelet.run("c", in: pod, "sleep 1000") { $0.image.image = lab.layered }
                #expect(try await kubelet.output(id, "cat file; pwd; id -un; echo $FROM_IMAGE") == "layered\n/work\nnobody\nyes")
                #expect(try await kubelet.output(id, "ls -A /home; test -e /var || echo gone; ls /bin/busybox") == "gone\n/bin/busybox")
            }
        }

        @Test("The image filesystem's use is told and grows with an image")
        func usage() async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                func used() async throws -> UInt64 {
                    let answer = try await daemon.kubelet.images.imageFsInfo(.init())
                    let filesystem = try #require(answer.imageFilesystems.first)
                    let mountPoint = try MountTable.mountPoint(of: daemon.root)
                    #expect(filesystem.fsID.mountpoint == mountPoint)
                    #expect(filesystem.timestamp > 0)
                    return filesystem.usedBytes.value
                }
                let before = try await used()
                _ = try await daemon.kubelet.pull(lab.busybox)
                try await eventually("the figure grows") { try await used() > before + 500_000 }
            }
        }
    }
}
