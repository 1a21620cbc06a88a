"""The sandbox: a child process with bounded memory and time, which reads files that are not trusted."""
