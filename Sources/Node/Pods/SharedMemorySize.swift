/// The size of a pod's /dev/shm.
enum SharedMemorySize {
    /// Bytes, Docker's and CRI-O's default.
    static let standard: UInt64 = 64 << 20

    /// Bytes, as the annotation `shm-size.crio.io` says, `128Mi` for example.
    /// - Parameter annotations: those that the runtime handler lets through.
    /// - Throws: `NodeError.invalidArgument` where it is no size.
    static func bytes(_ annotations: [String: String]) throws(NodeError) -> UInt64 {
        for key in ["shm-size.crio.io", "io.kubernetes.cri-o.ShmSize"] {
            guard let text = annotations[key] else { continue }
            guard let size = Quantity.value(text) else {
                throw .invalidArgument("the annotation \(key) is '\(text)', which is not a size of memory such as 128Mi")
            }
            return size
        }
        return standard
    }
}
