import time

import pytest

from lmkit.text.licence_headers import is_licence, without_licence

LICENCES = [
    "SPDX-License-Identifier: MIT",
    "SPDX-FileCopyrightText: 2021 A. Keeper",
    "Copyright (c) 2020 X. All rights reserved.",
    "Copyright 2020-2023 A. Keeper <a@cape.example>",
    "Copyright © A. Keeper",
    "(C) 2019 by A. Keeper",
    "© 2021 Lamp GmbH",
    "Copyright The Lighthouse Authors.",
    "Portions copyright (c) 1998, the Harbour Company",
    'Licensed under the Apache License, Version 2.0 (the "License");',
    "Licensed to the Apache Software Foundation (ASF) under one or more agreements",
    "Lamp is licensed under the MIT license.",
    "This file is dual-licensed under MIT and Apache-2.0.",
    "Permission is hereby granted, free of charge, to any person",
    "Permission to use, copy, modify, and/or distribute this software",
    "Redistribution and use in source and binary forms, with or without",
    "This program is free software: you can redistribute it and/or modify\\nit under the terms of "
    "the GNU General Public License as published by",
    "This Source Code Form is subject to the terms of the Mozilla Public License",
    "Use of this source code is governed by a BSD-style license",
    "MIT License",
    "The ISC License (ISC)",
    "License: BSD 3-Clause",
    "@license MIT",
    "Distributed under the Boost Software License, Version 1.0.",
    "The author hereby disclaims copyright to this source code.",
    "This file has been placed in the public domain.",
    "Released into the public domain by its author.",
    "Public domain.",
    "See the LICENSE file for details.",
]
OTHERS = [
    "Driver license numbers are checked here: public domain data of the tower.",
    "Sorts numbers.",
    "License plates are read from pictures.",
    "Licensed pilots may enter the harbour.",
    "Parses copyright notices of web pages.",
    "Copyright claims are counted by year: 1990 has most.",
    "Finds packages that are licensed under the GPL.",
    "Reports whether a package has the MIT license.",
    "Texts of books in the public domain, for tests.",
    "The lamp is lit under the terms of the treaty.",
    "Renders the (c) sign.",
    "Client of the license server; needs a license key.",
]
STYLES = {
    "c block": ("/*\n * {}\n */\n", "int x;\n"),
    "javadoc": ("/**\n * {}\n */\n", "class A {}\n"),
    "preserved": ("/*! {} */\n", "let x\n"),
    "slashes": ("// {}\n", "package a\n"),
    "rust": ("//! {}\n", "fn main() {}\n"),
    "hash": ("# {}\n", "x = 1\n"),
    "dashes": ("-- {}\n", "SELECT 1;\n"),
    "lua": ("--[==[\n{}\n]==]\n", "local x\n"),
    "lisp": (";;; {}\n", "(def x 1)\n"),
    "erlang": ("%% {}\n", "-module(a).\n"),
    "ocaml": ("(* {} *)\n", "let x = 1\n"),
    "haskell": ("{{-\n{}\n-}}\n", "module A where\n"),
    "ruby": ("=begin\n{}\n=end\n", "x = 1\n"),
    "powershell": ("<#\n{}\n#>\n", "$x = 1\n"),
    "julia": ("#= {} =#\n", "x = 1\n"),
    "python": ('"""{}"""\n', "x = 1\n"),
}


@pytest.mark.parametrize("style", list(STYLES))
def test_licences_go_and_other_comments_stay(style: str) -> None:
    comment, code = STYLES[style]
    for licence in LICENCES:
        source = comment.format(licence) + "\n" + code
        assert without_licence(source) == code, licence
    for other in OTHERS:
        source = comment.format(other) + "\n" + code
        assert without_licence(source) == source, other


@pytest.mark.parametrize(("language", "mark"), [("fortran", "! {}"), ("pascal", "{{ {} }}")])
def test_some_comments_exist_in_one_language(language: str, mark: str) -> None:
    source = mark.format("Copyright (c) 2020 X") + "\nprogram a\n"
    assert without_licence(source, language) == "program a\n"
    assert without_licence(source, "c") == source


@pytest.mark.parametrize(
    ("source", "rest"),
    [
        ("#!/usr/bin/env python\n# Licensed under X.\nx = 1\n", "#!/usr/bin/env python\nx = 1\n"),
        ("<?php\n/**\n * Copyright 2020\n */\necho 1;\n", "<?php\necho 1;\n"),
        ("/* Counts. */\n/* Copyright (c) 2020 X */\nint x;\n", "/* Counts. */\nint x;\n"),
        (
            "// Copyright 2020 X\n\n// Package a counts.\npackage a\n",
            "// Package a counts.\npackage a\n",
        ),
        ("# coding: utf-8\n# Copyright 2020 X\nx = 1\n", "# coding: utf-8\nx = 1\n"),
        ("// Copyright 2020 X\n//go:build linux\n\npackage a\n", "//go:build linux\npackage a\n"),
        (
            '"""Copyright 2020 X.\n\nCounts.\n"""\nx = 1\n',
            '"""Copyright 2020 X.\n\nCounts.\n"""\nx = 1\n',
        ),
        ('#define NOTE "Copyright (c) 2020 X"\n', '#define NOTE "Copyright (c) 2020 X"\n'),
        ("#![allow(x)]\n// MIT License\nfn a() {}\n", "#![allow(x)]\n// MIT License\nfn a() {}\n"),
        ("x = 1\n# Copyright 2020 X\n", "x = 1\n# Copyright 2020 X\n"),
        ("\ufeff// Copyright 2020 X\nlet x\n", "\ufefflet x\n"),
        ("/* Copyright 2020 X", "/* Copyright 2020 X"),
    ],
)
def test_what_is_around_a_licence_stays(source: str, rest: str) -> None:
    assert without_licence(source) == rest


def test_hostile_comments_take_bounded_time() -> None:
    started = time.monotonic()
    for comment in (
        "/*" * 200_000,
        "# license under the " * 20_000,
        "(c) " * 100_000,
        "#\n" * 200_000,
    ):
        without_licence(comment)
        is_licence(comment)
    assert time.monotonic() - started < 10
