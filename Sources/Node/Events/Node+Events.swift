extension Node {
    /// Whether the configuration turns events on.
    public var servesEvents: Bool { settings.podEvents }

    /// What happens to pods and containers from now on. CRI, GetContainerEvents.
    ///
    /// A reader that lags too far behind is cut off with `NodeError.resourceExhausted`.
    /// - Throws: `NodeError.unimplemented` where the configuration turns events off: a kubelet then falls back to listing.
    public func events() throws(NodeError) -> AsyncThrowingStream<NodeEvent, any Error> {
        guard settings.podEvents else {
            throw .unimplemented("events of pods are turned off: set enable_pod_events = true in [crio.runtime]")
        }
        return inventory.events.subscribe()
    }

    /// Ends the streams of events, which would keep the daemon from ending.
    public func endEvents() { inventory.events.finish() }
}
