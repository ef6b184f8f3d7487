//go:build !unix

package container_test

func agentMain([]string) int { return 1 }
