// SPDX-License-Identifier: MIT

// peer_go.go: Go (Debian's golang-go) on one core, the rows that it can do. What is a future
// to us is a channel to it, what is cancelling a task is cancelling its context.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	divideTimes   = 1
	populationMax = 1000000
	rounds        = 3
)

func times(full int) int {
	if n := full / divideTimes; n > 0 {
		return n
	}
	return 1
}

func population(full int) int {
	if full < populationMax {
		return full
	}
	return populationMax
}

func report(row string, value float64, unit string) {
	fmt.Printf("%s %.3f %s\n", row, value, unit)
}

// The processor time of the process, in ns.
func now() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func each(start int64, n int) float64 {
	return float64(now()-start) / float64(n)
}

// A line of /proc/self/status, in bytes.
func status(key string) float64 {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key+":" {
			kib, _ := strconv.Atoi(fields[1])
			return float64(kib) * 1024
		}
	}
	return 0
}

func runYield(n int) {
	n = population(n)
	count := times(4000000) / n
	if count < 2 {
		count = 2
	}
	var done sync.WaitGroup
	done.Add(n)
	spin := func(first bool) {
		for round := 0; round <= rounds; round++ {
			start := now()
			for i := 0; i < count; i++ {
				runtime.Gosched()
			}
			if first && round > 0 {
				report(fmt.Sprintf("yield.%d", n), each(start, count*n), "ns")
			}
		}
		done.Done()
	}
	for i := 0; i < n; i++ {
		go spin(i == 0)
	}
	done.Wait()
}

func runCreate(full int) {
	n := times(full)
	done := make(chan int)
	for round := 0; round <= rounds; round++ {
		start := now()
		for i := 0; i < n; i++ {
			go func() { done <- i }()
			<-done
		}
		if round > 0 {
			report("create.lazy", each(start, n), "ns")
		}
	}
}

func runSpread(n int) {
	n = population(n)
	for round := 0; round <= rounds; round++ {
		var done sync.WaitGroup
		start := now()
		done.Add(n)
		for i := 0; i < n; i++ {
			go done.Done()
		}
		done.Wait()
		row := "create.all.warm"
		if round == 0 {
			row = "create.all.cold"
		}
		report(row, each(start, n), "ns")
	}
}

// The receiver runs and waits again before the sender goes on, as in the row of ours.
func runWake(full int) {
	n := times(full)
	for round := 0; round <= rounds; round++ {
		ch := make(chan int)
		go func() {
			for range ch {
			}
		}()
		runtime.Gosched()
		start := now()
		for i := 0; i < n; i++ {
			ch <- i
			runtime.Gosched()
		}
		if round > 0 {
			report("wake", each(start, n), "ns")
		}
		close(ch)
	}
}

func farDelay(x *uint32) time.Duration {
	*x = *x*1664525 + 1013904223
	return 1000*time.Second + time.Duration(*x)*time.Microsecond
}

func runTimer(n int) {
	n = population(n)
	x := uint32(123)
	for i := 0; i < n; i++ {
		time.AfterFunc(farDelay(&x), func() {})
	}
	count := times(1000000)
	for round := 0; round <= rounds; round++ {
		start := now()
		for i := 0; i < count; i++ {
			time.AfterFunc(farDelay(&x), func() {}).Stop()
		}
		if round > 0 {
			report(fmt.Sprintf("timer.%d", n), each(start, count), "ns")
		}
	}
}

// Each goroutine has a context of its own, as each task can be cancelled on its own.
func runCancel(n int) {
	n = population(n)
	cancels := make([]context.CancelFunc, n)
	for round := 0; round <= rounds; round++ {
		var done sync.WaitGroup
		done.Add(n)
		start := now()
		for i := 0; i < n; i++ {
			ctx, cancel := context.WithCancel(context.Background())
			cancels[i] = cancel
			go func() {
				<-ctx.Done()
				done.Done()
			}()
		}
		runtime.Gosched()
		parked := now()
		for i := 0; i < n; i++ {
			cancels[i]()
		}
		done.Wait()
		row := "park.warm"
		if round == 0 {
			row = "park.cold"
		} else {
			report("cancel", each(parked, n), "ns")
		}
		report(row, float64(parked-start)/float64(n), "ns")
	}
}

func measureMemory(row string, n int, body func()) {
	resident, tables := status("VmRSS"), status("VmPTE")
	for i := 0; i < n; i++ {
		go body()
	}
	time.Sleep(10 * time.Millisecond)
	report(fmt.Sprintf("%s.%d", row, n), (status("VmRSS")-resident)/float64(n), "B")
	report(fmt.Sprintf("%s.tables.%d", row, n), (status("VmPTE")-tables)/float64(n), "B")
	os.Exit(0)
}

func runMemoryFuture(n int) {
	ch := make(chan int)
	measureMemory("memory.future", population(n), func() { <-ch })
}

func runMemorySleep(n int) {
	measureMemory("memory.sleep", population(n), func() { time.Sleep(1000 * time.Second) })
}

type group struct {
	name string
	run  func(int)
	arg  int
}

// Those of peer_go_combine.go join them.
var groups = []group{
	{"yield.2", runYield, 2},
	{"yield.10", runYield, 10},
	{"yield.1000", runYield, 1000},
	{"yield.10000", runYield, 10000},
	{"yield.100000", runYield, 100000},
	{"create.lazy", runCreate, 500000},
	{"spread", runSpread, 100000},
	{"wake", runWake, 1000000},
	{"timer.0", runTimer, 0},
	{"timer.1000", runTimer, 1000},
	{"timer.100000", runTimer, 100000},
	{"timer.1000000", runTimer, 1000000},
	{"cancel", runCancel, 100000},
	{"memory.future.100000", runMemoryFuture, 100000},
	{"memory.future.1000000", runMemoryFuture, 1000000},
	{"memory.sleep.100000", runMemorySleep, 100000},
	{"memory.sleep.1000000", runMemorySleep, 1000000},
}

func main() {
	runtime.GOMAXPROCS(1)
	wanted := map[string]bool{}
	for i := 1; i < len(os.Args); i++ {
		switch os.Args[i] {
		case "--list":
			for _, group := range groups {
				fmt.Println(group.name)
			}
			return
		case "--scale":
			i++
			if os.Args[i] == "quick" {
				divideTimes = 10
			} else if os.Args[i] == "smoke" {
				divideTimes, populationMax, rounds = 10000, 100, 1
			}
		case "--rounds":
			i++
			rounds, _ = strconv.Atoi(os.Args[i])
		default:
			wanted[os.Args[i]] = true
		}
	}
	for _, group := range groups {
		if len(wanted) == 0 || wanted[group.name] {
			group.run(group.arg)
		}
	}
}
