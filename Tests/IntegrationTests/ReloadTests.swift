import CRI
import Linux
import Testing

extension Integration {
    @Suite struct Reloading {
        @Test("Where one part of the configuration is wrong, none of the others is taken")
        func halves() async throws {
            try await Daemon.during(networked: false) { daemon in
                let kubelet = daemon.kubelet
                let file = "\(daemon.directory)/registries.conf"
                let registries = try Files.readText(file)
                try Files.write(registries.replacing("insecure = true", with: "insecure = true\nblocked = true"), creating: file)
                try await daemon.reload("[crio.runtime]\nlog_filter = \"(\"\n", says: "reloading failed")
                _ = try await kubelet.pull(Lab.current.busybox)
                // Without the fault it is taken.
                try await daemon.reload("")
                #expect(await failure { try await kubelet.pull(Lab.current.busybox) }?.message.contains("registries.conf blocks") == true)
                try Files.write(registries, creating: file)
            }
        }
    }
}
