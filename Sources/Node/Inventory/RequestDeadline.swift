/// When the caller of the request under way stops waiting. Set by who takes the request, read by who waits for long work.
public enum RequestDeadline {
    @TaskLocal public static var current: ContinuousClock.Instant?
}
