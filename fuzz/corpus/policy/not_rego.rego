deny everything
