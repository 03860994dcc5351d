"""What a deployment by containers needs beside the package: its settings refused or accepted, its databases made."""
