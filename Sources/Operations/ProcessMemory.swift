import CMalloc

/// How the allocator of this process behaves, and what the process gives back. Call `settle` first thing.
package enum ProcessMemory {
    /// One arena for all threads, and free memory given back early: some megabytes less, for a program that is not bound
    /// by its allocator (mallopt(3)).
    package static func settle() {
        _ = mallopt(M_ARENA_MAX, 1)
        _ = mallopt(M_TRIM_THRESHOLD, 256 << 10)
        _ = mallopt(M_MMAP_THRESHOLD, 256 << 10)
    }

    /// Gives back what is free now (malloc_trim(3)), and the pages of program code, most of which only the start or the work
    /// that is done needed. What runs again is mapped again from the page cache, without reading the disk.
    package static func trim() {
        _ = malloc_trim(0)
        for range in ProgramText.ranges() { ProgramText.unmap(range) }
    }
}
