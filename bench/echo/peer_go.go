// SPDX-License-Identifier: MIT
//
// peer_go.go: an echo server in Go, GOMAXPROCS(1).
package main

import (
	"fmt"
	"net"
	"runtime"
)

func echo(c net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			c.Close()
			return
		}
		if _, err = c.Write(buffer[:n]); err != nil {
			c.Close()
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		c, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go echo(c)
	}
}
