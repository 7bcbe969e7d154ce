import OCI
import Registry

/// The images by id, and how names lead to them. A value: changes are made on a copy and written before they hold.
struct ImageTable: Sendable {
    private(set) var images: [String: ImageRecord] = [:]

    init(_ records: [ImageRecord] = []) { for record in records { images[record.id] = record } }

    var layers: Set<Digest> { Set(images.values.flatMap(\.layers)) }

    /// The image of an id, of an unambiguous beginning of one, or of one of the names that a short one may stand for.
    /// - Throws: `ImageError.ambiguous`.
    func find(_ text: String, candidates: [ImageReference]) throws(ImageError) -> ImageRecord? {
        let hex = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        if let exact = images["sha256:\(hex)"] { return exact }
        for reference in candidates {
            if let found = images.values.first(where: { $0.isNamed(reference) }) { return found }
        }
        guard hex.utf8.count >= 3, hex.utf8.count < 64, hex.allSatisfy(\.isHexDigit) else { return nil }
        let matches = images.values.filter { $0.id.dropFirst(7).hasPrefix(hex) }
        guard matches.count <= 1 else { throw .ambiguous(text, count: matches.count) }
        return matches.first
    }

    /// Adds an image or another name of one. A tag leaves the image that had it before.
    /// - Returns: what has to be written.
    mutating func add(_ record: ImageRecord, tag: String?, digest: String) -> [ImageRecord] {
        var changed: [ImageRecord] = []
        if let tag {
            for var other in images.values where other.id != record.id && other.repoTags.contains(tag) {
                other.repoTags.removeAll { $0 == tag }
                images[other.id] = other
                changed.append(other)
            }
        }
        var image = images[record.id] ?? record
        if let tag, !image.repoTags.contains(tag) { image.repoTags.append(tag) }
        if !image.repoDigests.contains(digest) { image.repoDigests.append(digest) }
        images[image.id] = image
        return changed + [image]
    }

    /// Takes a name from an image; the image goes with its last name, and at once when it is named by its id.
    /// - Returns: the image as it is to be written, or nil where it is gone.
    mutating func remove(_ id: String, named reference: ImageReference?) -> ImageRecord? {
        guard var image = images[id] else { return nil }
        if let reference, image.isNamed(reference) {
            if reference.digest == nil {
                image.repoTags.removeAll { $0 == reference.tagged }
            } else {
                image.repoTags.removeAll { $0.hasPrefix(reference.name + ":") }
                image.repoDigests.removeAll { $0.hasPrefix(reference.name + "@") }
            }
            // Digests of repositories whose last tag went are names no more, unless the image was pulled by digest alone.
            if !image.repoTags.isEmpty || (reference.digest != nil && !image.repoDigests.isEmpty) {
                images[id] = image
                return image
            }
        }
        images[id] = nil
        return nil
    }
}

extension ImageReference {
    /// `name:tag`; nil where the reference has a digest, which says all.
    var tagged: String? { digest == nil ? "\(name):\(tag ?? "latest")" : nil }
}

extension ImageRecord {
    func isNamed(_ reference: ImageReference) -> Bool {
        if let digest = reference.digest { return repoDigests.contains("\(reference.name)@\(digest)") }
        return reference.tagged.map(repoTags.contains) ?? false
    }
}
