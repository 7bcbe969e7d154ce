import OCI

/// How well an image's platform suits a host. OCI image specification 1.1, image-index.md "platform".
extension Platform {
    /// - Returns: 0 for the host's own variant, more for older ones that it can run as well; nil for what it cannot run.
    func distance(toHost host: Platform) -> Int? {
        guard os.lowercased() == host.os, Self.normalized(architecture) == Self.normalized(host.architecture) else { return nil }
        guard let own = level, let hosts = host.level else { return variant == host.variant ? 0 : nil }
        return own <= hosts ? hosts - own : nil
    }

    /// The variant as a number: `v8` is 8. Without one it is what the architecture's name alone means.
    private var level: Int? {
        guard let variant, !variant.isEmpty else {
            switch Self.normalized(architecture) {
            case "arm64": return 8
            case "arm": return 7
            default: return 1
            }
        }
        return variant.hasPrefix("v") ? Int(variant.dropFirst()) : nil
    }

    /// Names of processors as some tools write them.
    private static func normalized(_ architecture: String) -> String {
        switch architecture.lowercased() {
        case "x86_64", "x86-64": "amd64"
        case "aarch64": "arm64"
        case "armhf", "armel": "arm"
        default: architecture
        }
    }
}

extension ImageIndex {
    /// The entry that suits the host best, the first of several; one that names no platform only if it is alone.
    func entry(for host: Platform) -> Descriptor? {
        let suited = manifests.compactMap { entry in
            entry.platform?.distance(toHost: host).map { (entry: entry, distance: $0) }
        }
        if let best = suited.min(by: { $0.distance < $1.distance }) { return best.entry }
        guard manifests.count == 1, let only = manifests.first, only.platform == nil else { return nil }
        return only
    }
}
