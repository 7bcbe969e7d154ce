import OCI

/// Where images live on a host, and the limits of what is taken in.
public struct ImageOptions: Sendable {
    /// Durable: layers, manifests, containers' changes. One file system that can be an overlay's upper layer.
    public var root: String
    /// Gone after a reboot: where root file systems are mounted.
    public var runRoot: String
    /// What an index is searched for.
    public var platform: Platform = .host
    /// Names of images that the kubelet must not collect: exact, or with `*` for any run of characters.
    public var pinnedImages: [String] = []
    /// Layers that one caller fetches and unpacks from one registry at a time; each has a thread. All together have
    /// four times as many.
    public var parallelLayers = 6
    /// A pull that nobody waits for any more goes on for so long: the kubelet asks again.
    public var keepAbandonedPulls: Duration = .seconds(60)
    /// A layer may unpack to this many times its compressed size …
    public var maximumExpansion: Int64 = 200
    /// … or to this many bytes, whichever is more.
    public var freeExpansion: Int64 = 1 << 30
    /// Layers of a pull that failed stay so long, so that a retry goes on from them.
    public var keepUnusedLayers: Duration = .seconds(600)
    /// More mount options of containers' overlays, `key=value` or a flag.
    public var overlayOptions: [String] = []

    public init(root: String, runRoot: String) {
        (self.root, self.runRoot) = (root, runRoot)
    }

    /// Bytes that a layer of `size` compressed bytes may unpack to.
    func unpackLimit(size: Int64) -> Int64 {
        let (product, overflow) = size.multipliedReportingOverflow(by: maximumExpansion)
        return max(freeExpansion, overflow ? .max : product)
    }
}

extension Platform {
    /// The platform that this program was compiled for.
    public static var host: Platform {
        #if arch(x86_64)
            Platform(architecture: "amd64", os: "linux")
        #elseif arch(arm64)
            Platform(architecture: "arm64", os: "linux", variant: "v8")
        #elseif arch(arm)
            Platform(architecture: "arm", os: "linux", variant: "v7")
        #else
            #error("the image architecture's name is not known")
        #endif
    }
}
