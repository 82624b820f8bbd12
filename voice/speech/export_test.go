package speech

// KillForTest ends the engine behind a listener as a crash would.
func KillForTest(l Listener) {
	e := l.(*earListener)
	_ = e.process.cmd.Process.Kill()
	<-e.process.gone
}
