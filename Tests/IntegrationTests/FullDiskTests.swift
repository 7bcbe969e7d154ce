import CRI
import GRPCCore
import Glibc
import Linux
import Testing

extension Integration {
    @Suite struct FullDisk {
        @Test("On a disk without a byte and an inode left, pods, containers and images are stopped and removed", arguments: [nil, SIGKILL, SIGTERM])
        func removal(restart: Int32?) async throws {
            let lab = try Lab.current
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                // The answer comes after what is probed in the root, which is mounted over next.
                _ = try await kubelet.runtime.status(.init())
                try await daemon.end()
                try await shell("mount -t tmpfs -o size=64m,nr_inodes=8192 tmpfs \(daemon.root)")
                try await daemon.start()
                _ = try await kubelet.pull(lab.busybox)
                _ = try await kubelet.pull(lab.layered)
                let (stopped, removed) = (try await kubelet.runPod("stopped"), try await kubelet.runPod("removed"))
                let container = try await kubelet.run("c", in: stopped, "sleep 1000")
                _ = try await kubelet.run("c", in: removed, "sleep 1000")

                try await shell(
                    """
                    mkdir \(daemon.root)/fill; cd \(daemon.root)/fill
                    cat /dev/zero > bytes 2>/dev/null || true
                    number=0; while { : > $number; } 2>/dev/null; do number=$((number + 1)); done
                    """)
                #expect(!Files.exists("\(daemon.root)/fill/8192"))
                if let restart { try await daemon.restart(restart) }

                try await kubelet.stop(container)
                #expect(try await kubelet.status(container).state == .containerExited)
                _ = try await kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = stopped.id })
                try await kubelet.remove(container)
                _ = try await kubelet.runtime.removePodSandbox(.with { $0.podSandboxID = stopped.id })
                try await kubelet.removePod(removed.id)
                for image in [lab.layered, lab.busybox] { _ = try await kubelet.images.removeImage(.with { $0.image.image = image }) }
                #expect(try await kubelet.runtime.listPodSandbox(.init()).items.isEmpty)
                #expect(try await kubelet.runtime.listContainers(.init()).containers.isEmpty)
                #expect(try await kubelet.images.listImages(.init()).images.isEmpty)

                if restart != nil { try await daemon.restart() }
                try await shell("rm -r \(daemon.root)/fill")
                _ = try await kubelet.pull(lab.busybox)
                let next = try await kubelet.runPod("next")
                _ = try await kubelet.run("c", in: next, "sleep 1000")
                try await kubelet.removePod(next.id)
                try await daemon.end()
                try await shell("umount \(daemon.root)")
                try await daemon.start()
                _ = try await kubelet.runtime.status(.init())
            }
        }
    }
}
