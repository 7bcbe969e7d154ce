import OCI

/// What is on this node and who needs it: images by name, layers by digest, their holders, the pulls under way.
///
/// A value without I/O. Each change is collected, for whoever makes it durable.
struct Catalog: Sendable {
    enum Change: Equatable {
        case putImage(ImageRecord)
        case removeImage(String)
        case putLayer(LayerRecord)
        case removeLayer(Digest)
        case putHolder(LayerHolder)
        case removeHolder(String)
    }

    private(set) var images: [String: ImageRecord] = [:]
    private(set) var layers: [Digest: LayerRecord] = [:]
    private(set) var holders: [String: LayerHolder] = [:]
    /// Layers that pulls under way count on: how many of them each.
    private(set) var pins: [Digest: Int] = [:]
    private var changes: [Change] = []
    private var byTag: [String: String] = [:]
    private var byDigest: [String: String] = [:]

    init() {}

    /// Takes up what was durable. Layers for which `isWhole` is false are dropped, and images that lack one.
    /// - Returns: the names of the images dropped.
    mutating func load(
        images: [ImageRecord], layers: [LayerRecord], holders: [LayerHolder], isWhole: (LayerRecord) -> Bool
    ) -> [String] {
        for layer in layers {
            if isWhole(layer) { self.layers[layer.digest] = layer } else { changes.append(.removeLayer(layer.digest)) }
        }
        for holder in holders { self.holders[holder.id] = holder }
        var lost: [String] = []
        for image in images {
            if image.layers.allSatisfy({ self.layers[$0] != nil }) {
                index(image)
            } else {
                changes.append(.removeImage(image.id))
                lost.append(image.names.first ?? image.id)
            }
        }
        return lost
    }

    /// Gives the collected changes away.
    mutating func takeChanges() -> [Change] {
        defer { changes = [] }
        return changes
    }
}

// MARK: - Images

extension Catalog {
    /// Adds an image, or its new names to the one that is there. Its tags leave the images that had them.
    mutating func add(_ image: ImageRecord, pinning pinned: PinnedImages) {
        for tag in image.repoTags {
            if let owner = byTag[tag], owner != image.id { untag(tag, owner, pinned) }
        }
        var image = image
        if let known = images[image.id] {
            image.repoTags = Set(known.repoTags + image.repoTags).sorted()
            image.repoDigests = Set(known.repoDigests + image.repoDigests).sorted()
        }
        image.pinned = pinned.match(image)
        put(image)
    }

    /// Takes an image away, all of its names with it. One that is not there is no error.
    /// - Throws: `ImageError.inUse`.
    mutating func remove(_ id: String) throws(ImageError) {
        guard let image = images[id] else { return }
        let users = holders.values.filter { $0.image == id }.map(\.id)
        guard users.isEmpty else { throw .inUse(image: image.names.first ?? id, by: users.sorted()) }
        images[id] = nil
        for tag in image.repoTags { byTag[tag] = nil }
        for digest in image.repoDigests where byDigest[digest] == id { byDigest[digest] = nil }
        changes.append(.removeImage(id))
    }

    /// Marks images anew after the configuration changed.
    mutating func repin(_ pinned: PinnedImages) {
        for var image in images.values where image.pinned != pinned.match(image) {
            image.pinned.toggle()
            put(image)
        }
    }

    func image(tag: String) -> ImageRecord? { byTag[tag].flatMap { images[$0] } }

    func image(repoDigest: String) -> ImageRecord? { byDigest[repoDigest].flatMap { images[$0] } }

    /// The image whose id is, or alone begins with, these hexadecimal digits.
    /// - Throws: `ImageError.ambiguousID`.
    func image(idPrefix hex: String) throws(ImageError) -> ImageRecord? {
        if let exact = images["sha256:\(hex)"] { return exact }
        let matches = images.values.filter { $0.id.hasPrefix("sha256:\(hex)") }
        guard matches.count < 2 else { throw .ambiguousID(hex, images: matches.count) }
        return matches.first
    }

    private mutating func untag(_ tag: String, _ id: String, _ pinned: PinnedImages) {
        guard var image = images[id] else { return }
        image.repoTags.removeAll { $0 == tag }
        image.pinned = pinned.match(image)
        put(image)
    }

    private mutating func put(_ image: ImageRecord) {
        index(image)
        changes.append(.putImage(image))
    }

    private mutating func index(_ image: ImageRecord) {
        images[image.id] = image
        for tag in image.repoTags { byTag[tag] = image.id }
        for digest in image.repoDigests { byDigest[digest] = image.id }
    }
}

// MARK: - Layers

extension Catalog {
    /// Keeps layers, there or to come, until they are unpinned as often.
    mutating func pin(_ layers: [Digest]) {
        for layer in layers { pins[layer, default: 0] += 1 }
    }

    mutating func unpin(_ layers: [Digest]) {
        for layer in layers {
            guard let count = pins[layer] else { continue }
            pins[layer] = count > 1 ? count - 1 : nil
        }
    }

    mutating func add(_ layer: LayerRecord) {
        layers[layer.digest] = layer
        changes.append(.putLayer(layer))
    }

    /// Notes that a blob was found to unpack to a layer. One that is gone stays gone.
    mutating func verified(_ blob: Digest, of layer: Digest) {
        guard var record = layers[layer], !(record.blobs ?? []).contains(blob) else { return }
        // Many blobs may unpack to one archive; the latest are those that are asked for again.
        record.blobs = ((record.blobs ?? []) + [blob]).suffix(Self.mostBlobs)
        add(record)
    }

    private static let mostBlobs = 16

    /// A layer by its content's digest and by a blob that was found to unpack to it.
    func layer(_ digest: Digest, by blob: Digest) -> LayerRecord? {
        layers[digest].flatMap { $0.blobs?.contains(blob) == true ? $0 : nil }
    }

    /// Notes that layers are on disk. Those that are gone stay gone.
    mutating func synced(_ digests: [Digest]) {
        for digest in digests {
            guard var layer = layers[digest], layer.unsyncedSince != nil else { continue }
            layer.unsyncedSince = nil
            add(layer)
        }
    }

    /// Lets a container, or a mount, hold an image.
    /// - Throws: `ImageError.notFound` if the image is gone.
    mutating func hold(_ image: String, by id: String) throws(ImageError) {
        guard let record = images[image] else { throw .notFound(image) }
        let holder = LayerHolder(id: id, image: image, layers: record.layers)
        holders[id] = holder
        changes.append(.putHolder(holder))
    }

    /// Nobody of that name is no error.
    mutating func release(_ id: String) {
        guard holders.removeValue(forKey: id) != nil else { return }
        changes.append(.removeHolder(id))
    }

    /// Takes away the layers that no image, holder or pull needs, and tells which.
    mutating func collect() -> [Digest] {
        var needed = Set(pins.keys)
        for image in images.values { needed.formUnion(image.layers) }
        for holder in holders.values { needed.formUnion(holder.layers) }
        let unneeded = layers.keys.filter { !needed.contains($0) }
        for layer in unneeded {
            layers[layer] = nil
            changes.append(.removeLayer(layer))
        }
        return unneeded
    }

    /// Digests of the manifests and configurations that images need.
    var neededDocuments: Set<String> {
        Set(images.values.flatMap { [$0.id, $0.manifest.description] })
    }
}
