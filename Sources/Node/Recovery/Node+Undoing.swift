import Linux

// Pods and containers that did not come to be, and whose undoing failed. They have no claim to their names: the same request makes others.
extension Node {
    /// Undoes a pod in the background until it is gone. Until then it is listed as not ready, and a client may remove it itself.
    func undoLater(pod id: String) async {
        do { try await inventory.updatePod(id, isFact: true) { ($0.failed, $0.phase) = (true, .stopping) } } catch {
            // What memory holds decides; a start after this one finds it being created.
            logger.warning("that a pod failed cannot be written", metadata: ["pod": "\(id)", "error": "\(error)"])
        }
        undoRepeatedly("pod \(id.prefix(13))") { [self] in
            try await locks.withLock(id) { [self] in
                guard inventory.hasPod(id) else { return }
                try await stopLocked(id)
                try await forget(try inventory.pod(id))
            }
        }
    }

    /// Undoes a container in the background until it is gone; with its pod it goes in any case.
    func undoLater(container id: String) async {
        do { try await inventory.updateContainer(id, isFact: true) { $0.failed = true } } catch {
            logger.warning("that a container failed cannot be written", metadata: ["container": "\(id)", "error": "\(error)"])
        }
        undoRepeatedly("container \(id.prefix(13))") { [self] in
            try await locks.withLock(id) { [self] in
                guard inventory.hasContainer(id) else { return }
                try await release(try inventory.container(id))
                try await inventory.removeContainer(id)
            }
        }
    }

    func undoRepeatedly(_ what: String, _ body: @escaping @Sendable () async throws -> Void) {
        Task.detached { [logger] in
            var pauses = GrowingPauses()
            while true {
                let pause = pauses.next()
                try await Task.sleep(for: pause)
                do {
                    try await body()
                    return logger.notice("undone at last", metadata: ["what": "\(what)"])
                } catch {
                    logger.warning("undoing failed and is tried again", metadata: ["what": "\(what)", "error": "\(error)"])
                }
            }
        }
    }
}
