// SPDX-License-Identifier: MIT

// peer_go_thread.go: the rows of thread.c in Go, part of the program of peer_go.go. A job goes by
// channel to a goroutine that is locked to a thread of its own, as a blocking call would be; a
// posted call is an item of a channel that one goroutine reads.
package main

import (
	"runtime"
	"strconv"
	"sync"
)

func init() {
	groups = append(groups, []group{
		{"to_thread", runJobs, 100000},
		{"post.1", runPosts, 1},
		{"post.4", runPosts, 4},
	}...)
}

func runJobs(full int) {
	jobs, results := make(chan func()), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
			results <- struct{}{}
		}
	}()
	measure("to_thread", times(full), 1, func(n int) {
		for i := 0; i < n; i++ {
			jobs <- func() {}
			<-results
		}
	})
	close(jobs)
}

func runPosts(threads int) {
	measure("post."+strconv.Itoa(threads), times(1000000)/threads+1, threads, func(n int) {
		calls, seen := make(chan func(), 1024), 0
		var group sync.WaitGroup
		group.Add(threads)
		for t := 0; t < threads; t++ {
			go func() {
				for i := 0; i < n; i++ {
					calls <- func() { seen++ }
				}
				group.Done()
			}()
		}
		for seen < n*threads {
			(<-calls)()
		}
		group.Wait()
	})
}
