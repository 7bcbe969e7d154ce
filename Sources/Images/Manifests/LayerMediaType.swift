import OCI

/// The media types under which layers go. How one is compressed is read from its bytes, so all that matters is whether it
/// is a plain file system layer: OCI image specification 1.1 layer.md, Docker image manifest v2 schema 2.
enum LayerMediaType {
    private static let archives = [
        MediaType.ociLayer, "application/vnd.oci.image.layer.nondistributable.v1.tar", MediaType.dockerLayer,
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ]
    /// The specification's, and what Docker's tools append.
    private static let compressions = ["", "+gzip", "+zstd", ".gzip", ".zstd"]

    /// False for encrypted layers, other compressions, and what is no layer.
    static func isSupported(_ mediaType: String) -> Bool {
        archives.contains { archive in
            mediaType.hasPrefix(archive) && compressions.contains(String(mediaType.dropFirst(archive.count)))
        }
    }
}
