import CRI
import GRPCCore
import Images
import Node
import Registry

/// runtime.v1.ImageService. Each method checks the request, calls the node's images and translates the answer.
public struct ImageServiceEndpoint: Runtime_V1_ImageService.SimpleServiceProtocol {
    let node: Node

    public init(node: Node) { self.node = node }

    public func pullImage(
        request: Runtime_V1_PullImageRequest, context: ServerContext
    ) async throws -> Runtime_V1_PullImageResponse {
        let image = try request.image.checkedName()
        let credentials = request.hasAuth ? RegistryCredentials(request.auth) : nil as RegistryCredentials?
        let namespace = request.hasSandboxConfig ? request.sandboxConfig.metadata.namespace : nil
        // A caller that goes away leaves the pull, which others may wait for.
        let pull = Task { [node] in try await node.pullImage(image, credentials: credentials, namespace: namespace) }
        let pulled = try await withRPCCancellationHandler {
            try await withTaskCancellationHandler {
                try await pull.value
            } onCancel: {
                pull.cancel()
            }
        } onCancelRPC: {
            pull.cancel()
        }
        return .with { $0.imageRef = pulled }
    }

    public func imageStatus(
        request: Runtime_V1_ImageStatusRequest, context: ServerContext
    ) async throws -> Runtime_V1_ImageStatusResponse {
        let name = try request.image.checkedName()
        // An image that is not there is an empty answer, not an error: CRI, ImageStatus.
        guard let image = try await node.image(name) else { return Runtime_V1_ImageStatusResponse() }
        let info = request.verbose ? try node.verboseInfo(of: image) : [:]
        return .with {
            $0.image = image.message
            $0.info = info
        }
    }

    public func listImages(
        request: Runtime_V1_ListImagesRequest, context: ServerContext
    ) async throws -> Runtime_V1_ListImagesResponse {
        let images = try await images(request.hasFilter ? request.filter : nil)
        return .with { $0.images = images }
    }

    public func streamImages(
        request: Runtime_V1_StreamImagesRequest, response: RPCWriter<Runtime_V1_StreamImagesResponse>, context: ServerContext
    ) async throws {
        for batch in try await images(request.hasFilter ? request.filter : nil).batches() {
            try await response.write(.with { $0.images = batch })
        }
    }

    public func removeImage(
        request: Runtime_V1_RemoveImageRequest, context: ServerContext
    ) async throws -> Runtime_V1_RemoveImageResponse {
        try await node.removeImage(try request.image.checkedName())
        return Runtime_V1_RemoveImageResponse()
    }

    public func imageFsInfo(
        request: Runtime_V1_ImageFsInfoRequest, context: ServerContext
    ) async throws -> Runtime_V1_ImageFsInfoResponse {
        let usage = try await node.imageFileSystems()
        return .with { response in
            response.imageFilesystems = usage.images
            response.containerFilesystems = usage.containers
        }
    }

    private func images(_ filter: Runtime_V1_ImageFilter?) async throws -> [Runtime_V1_Image] {
        let name = filter?.image.image ?? ""
        return try await node.images(named: name.isEmpty ? nil : name).map(\.message)
    }
}

extension Runtime_V1_ImageSpec {
    func checkedName() throws(NodeError) -> String {
        guard !image.isEmpty else { throw .invalidArgument("the request names no image") }
        return image
    }
}

extension ImageRecord {
    var message: Runtime_V1_Image {
        .with {
            $0.id = id
            $0.repoTags = repoTags
            $0.repoDigests = repoDigests
            $0.size = size
            $0.pinned = pinned
            $0.spec.image = id
            // The user as the image's author wrote it: a number is a uid, a name stays one. CRI, Image.
            let user = (configuration.config?.user ?? "").prefix { $0 != ":" }
            if let uid = Int64(user) { $0.uid.value = uid } else { $0.username = String(user) }
        }
    }
}

extension RegistryCredentials {
    /// The request's credentials; nil where it has none to speak of.
    init?(_ auth: Runtime_V1_AuthConfig) {
        if auth.username.isEmpty, auth.password.isEmpty, auth.identityToken.isEmpty, auth.registryToken.isEmpty {
            self.init(auth: auth.auth)
        } else {
            self.init(
                username: auth.username, password: auth.password, identityToken: auth.identityToken, registryToken: auth.registryToken)
        }
    }
}
