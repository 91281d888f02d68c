// SPDX-License-Identifier: MIT

// peer_go_combine.go: the rows of combine.c in Go, part of the program of peer_go.go, whose folder Go wants it in. A
// gather is a WaitGroup, a group one with a context that would cancel the rest, a limit is a
// context with a deadline, a queue and a generator are channels.
package main

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func init() {
	groups = append(groups, []group{
		{"gather.1", runGather, 1},
		{"gather.10", runGather, 10},
		{"gather.1000", runGather, 1000},
		{"group.10", runGroup, 10},
		{"group.1000", runGroup, 1000},
		{"limits", runLimits, 500000},
		{"queue", runQueue, 1000000},
		{"lock.free", runLock, 10000000},
		{"lock.handover", runHandover, 2000000},
		{"generator", runGenerator, 2000000},
		{"sleeps.100000", runSleeps, 100000},
		{"sleeps.1000000", runSleeps, 1000000},
	}...)
}

// Times n repetitions in each round.
func measure(row string, n, per int, repeat func(n int)) {
	for round := 0; round <= rounds; round++ {
		start := now()
		repeat(n)
		if round > 0 {
			report(row, each(start, n*per), "ns")
		}
	}
}

func timesOf(n int) int {
	if t := times(2000000) / n; t > 0 {
		return t
	}
	return 1
}

func runGather(n int) {
	results := make([]int, n)
	measure("gather."+strconv.Itoa(n), timesOf(n), n, func(count int) {
		for i := 0; i < count; i++ {
			var done sync.WaitGroup
			done.Add(n)
			for k := 0; k < n; k++ {
				go func(k int) { results[k] = k; done.Done() }(k)
			}
			done.Wait()
		}
	})
}

func runGroup(n int) {
	measure("group."+strconv.Itoa(n), timesOf(n), n, func(count int) {
		for i := 0; i < count; i++ {
			ctx, cancel := context.WithCancel(context.Background())
			var done sync.WaitGroup
			done.Add(n)
			for k := 0; k < n; k++ {
				go func() {
					if ctx.Err() != nil {
						cancel()
					}
					done.Done()
				}()
			}
			done.Wait()
			cancel()
		}
	})
}

//go:noinline
func noop(ctx context.Context) error { return ctx.Err() }

func runLimits(full int) {
	repeat := func(count int) {
		for i := 0; i < count; i++ {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			_ = noop(ctx)
			cancel()
		}
	}
	measure("wait_for", times(full), 1, repeat)
	measure("timeout", times(full), 1, repeat)
}

func runQueue(full int) {
	there, back := make(chan int, 1), make(chan int, 1)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	measure("queue", times(full), 2, func(count int) {
		for i := 0; i < count; i++ {
			there <- i
			<-back
		}
	})
	close(there)
}

func runLock(full int) {
	var lock sync.Mutex
	measure("lock", times(full), 1, func(count int) {
		for i := 0; i < count; i++ {
			lock.Lock()
			lock.Unlock() //nolint
		}
	})
}

// A Mutex may be had again by whoever frees it; a channel of one is passed on in order.
func runHandover(full int) {
	lock := make(chan struct{})
	n := times(full)
	done := make(chan bool)
	go func() {
		for i := 0; i < (rounds+1)*n; i++ {
			<-lock
			lock <- struct{}{}
		}
		close(done)
	}()
	measure("lock.handover", n, 2, func(count int) {
		for i := 0; i < count; i++ {
			lock <- struct{}{}
			<-lock
		}
	})
	<-done
}

func runGenerator(full int) {
	n := times(full)
	measure("generator", n, 1, func(count int) {
		items := make(chan int)
		go func() {
			for i := 0; i < count; i++ {
				items <- i
			}
			close(items)
		}()
		for range items {
		}
	})
}

func runSleeps(n int) {
	n = population(n)
	var x uint32 = 123
	var lock sync.Mutex
	var done sync.WaitGroup
	var late, latest time.Duration
	start := now()
	done.Add(n)
	for i := 0; i < n; i++ {
		x = x*1664525 + 1013904223
		delay := time.Duration(float64(x>>8) / (1 << 24) * 1e9)
		go func() {
			asked := time.Now()
			time.Sleep(delay)
			one := time.Since(asked) - delay
			lock.Lock()
			late += one
			if one > latest {
				latest = one
			}
			lock.Unlock()
			done.Done()
		}()
	}
	done.Wait()
	name := strconv.Itoa(n)
	report("sleeps.cpu."+name, float64(now()-start)/1e9, "s")
	report("sleeps.late."+name, late.Seconds()/float64(n)*1e3, "ms")
	report("sleeps.latest."+name, latest.Seconds()*1e3, "ms")
	runtime.GC()
}
