import ArgumentParser
import Control

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "The completion script for a shell.",
    discussion: """
        mesh-ctl completion bash > ~/.local/share/bash-completion/completions/mesh-ctl
        mesh-ctl completion zsh > ~/.zfunc/_mesh-ctl
        mesh-ctl completion fish > ~/.config/fish/completions/mesh-ctl.fish
      """)

  enum Shell: String, CaseIterable, ExpressibleByArgument {
    case bash, zsh, fish

    var script: String {
      switch self {
      case .bash: MeshCtlCommand.completionScript(for: .bash)
      case .zsh: MeshCtlCommand.completionScript(for: .zsh)
      case .fish: MeshCtlCommand.completionScript(for: .fish)
      }
    }
  }

  @OptionGroup var global: GlobalOptions

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() throws {
    try Console.run(global) { console throws(Fault) in
      console.print(shell.script + "\n")
      return .ok
    }
  }
}
