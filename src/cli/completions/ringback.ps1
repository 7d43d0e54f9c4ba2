# Completion of ringback for PowerShell. `ringback __complete` says what could stand at the cursor.
Register-ArgumentCompleter -Native -CommandName ringback -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    # An empty argument is passed on as such only in quotes, before PowerShell 7.3.
    $current = if ($wordToComplete) { $wordToComplete } elseif ($PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { '' }
    foreach ($line in @(& ringback __complete -- @before $current 2>$null)) {
        $word, $about = $line -split "`t", 2
        if ($word -eq ':files') { return }
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
}
